package plugin

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// deployParts are the parts: each is a directory of files, but for docker, whose file is in none.
var deployParts = []string{"docker", "kubernetes", "istio", "client"}

// partOf returns the part that a file is of: its directory, or docker where it is in none.
func partOf(file string) string {
	if directory, _, found := strings.Cut(file, "/"); found {
		return directory
	}
	return deployParts[0]
}

// deployment is the files that a program is deployed with, which are the user's once they are there.
type deployment struct {
	workspace.Workspace
	deployParameters
	directory workspace.Directory
	files     map[string][]byte // what is new, by paths from the directory that the process runs in
	problems  diag.List

	contextProblems diag.List // of a Dockerfile that is new
}

// addDeployment adds the files of the parts that the user does not have, and compares those that the user has.
func (o *output) addDeployment(env Env, files []model.File, params parameters) {
	d := &deployment{Workspace: workspace.Workspace{Tree: env.Tree, Dir: env.Dir}, deployParameters: params.deploy, files: make(map[string][]byte)}
	services := deployedServices(files)
	if len(services) == 0 {
		return // nothing is to be deployed
	}
	d.problems.Fail(d.generate(params.app, services))
	o.problems.Add(d.problems...)
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		o.add(name, d.files[name], nil)
	}
}

// deployedServices returns the services of some files as they are deployed.
func deployedServices(files []model.File) (services []deploy.Service) {
	for _, file := range files {
		for _, svc := range file.Services {
			s := deploy.Service{FullName: svc.FullName}
			for _, m := range svc.Methods {
				s.Methods = append(s.Methods, deploy.Method{Name: m.Name, Stream: m.Kind != model.Unary, Policy: m.Policy.Policy})
			}
			services = append(services, s)
		}
	}
	return services
}

// generate makes the files, and compares them with those that are there.
func (d *deployment) generate(command string, services []deploy.Service) error {
	var err error
	if d.directory, err = d.Directory(d.deployParameters.dir); err != nil {
		return fmt.Errorf("parameter deploy_dir=%q: %w", d.deployParameters.dir, err)
	}
	app, err := d.app(command, services)
	if err != nil {
		return err
	}
	wanted, err := deploy.Files(app)
	if err != nil {
		return fmt.Errorf("parameter %s", strings.ReplaceAll(err.Error(), "\n", "\nparameter "))
	}
	have, err := d.have(wanted)
	if err != nil {
		return err
	}
	return d.merge(wanted, have)
}

// app returns the program to deploy. Its directory is in the same module, from whose root it is built.
func (d *deployment) app(command string, services []deploy.Service) (deploy.App, error) {
	f, err := d.Directory(command)
	if err == nil && f.Root != d.directory.Root {
		err = fmt.Errorf("it is in module %s, and deploy_dir is in module %s; put both in one module", f.Module, d.directory.Module)
	}
	if err != nil {
		return deploy.App{}, fmt.Errorf("parameter app=%q: %w", command, err)
	}
	context := d.BuildContext(d.directory.Root)
	d.contextProblems = context.Problems
	return deploy.App{
		Module: context.Below(d.directory.Root), Workspace: context.Workspace, GoWorkOff: context.WorkOff,
		Name: d.name, Image: d.image, Port: cmp.Or(d.port, deploy.DefaultPort),
		Dir:       strings.TrimPrefix(d.directory.ImportPath, d.directory.Module+"/"),
		Command:   strings.TrimPrefix(f.ImportPath, f.Module+"/"),
		Version:   deploy.DefaultVersion,
		GoVersion: context.GoVersion(deploy.DefaultGoVersion), DrainDelay: deploy.DefaultDrainDelay, ShutdownTimeout: deploy.DefaultShutdownTimeout,
		Services: services,
	}, nil
}

// have returns those of some files that the user has.
func (d *deployment) have(wanted map[string][]byte) (map[string][]byte, error) {
	have := make(map[string][]byte)
	for name := range wanted {
		content, found, err := d.Read(path.Join(d.directory.Path, name))
		if err != nil {
			return nil, err
		}
		if found {
			have[name] = content
		}
	}
	return have, nil
}

// merge keeps the parts of which the user has a file, and warns of what differs in them. All files of the others are new.
func (d *deployment) merge(wanted, have map[string][]byte) error {
	owned := make(map[string]bool)
	for name := range have {
		owned[partOf(name)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		at, part := path.Join(d.directory.Path, name), partOf(name)
		content, found := have[name]
		switch {
		case len(d.parts) > 0 && !slices.Contains(d.parts, part):
		case found:
			d.compare(at, name, content, wanted[name])
		case !owned[part]:
			if err := d.CheckWrite(d.directory, name); err != nil {
				return err
			}
			d.files[at] = wanted[name]
			if name == "Dockerfile" {
				d.problems.Add(d.contextProblems...)
			}
		}
	}
	return nil
}

// compare warns of where a file of the user does not say what the policies say.
func (d *deployment) compare(at, name string, have, want []byte) {
	for _, difference := range deploy.Differences(name, have, want) {
		difference.Path = at
		d.problems.Add(difference)
	}
}
