package plugin

import (
	"cmp"
	"errors"
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

// deployParts lists the parts of a deployment. Each is a directory of files, except docker, whose
// files are at the top level.
var deployParts = []string{"docker", "kubernetes", "istio", "gateway", "client", "monitoring"}

// partOf returns the part of a file: its directory, or docker for a file at the top level.
func partOf(file string) string {
	if directory, _, found := strings.Cut(file, "/"); found {
		return directory
	}
	return deployParts[0]
}

// deployment collects the files for the deployment of a program. Once written, the files belong to
// the user.
type deployment struct {
	workspace.Workspace
	deployParameters
	directory workspace.Directory
	files     map[string][]byte // new files, by path relative to the working directory
	problems  diag.List

	contextProblems diag.List // problems to report if the Dockerfile is new
}

// addDeployment adds the files of the parts that the user does not have, and compares the user's
// files with the policies.
func (o *output) addDeployment(env Env, files []model.File, params parameters) {
	d := &deployment{Workspace: workspace.Workspace{Tree: env.Tree, Dir: env.Dir}, deployParameters: params.deploy, files: make(map[string][]byte)}
	services := deployedServices(files)
	if len(services) == 0 {
		return // nothing to deploy
	}
	d.problems.Fail(d.generate(params.app, services))
	o.problems.Add(d.problems...)
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		o.add(name, d.files[name], nil)
	}
}

// deployedServices returns the services of files, as package deploy takes them.
func deployedServices(files []model.File) (services []deploy.Service) {
	for _, file := range files {
		for _, svc := range file.Services {
			s := deploy.Service{FullName: svc.FullName, Balancing: svc.Balancing.Balancing}
			for _, m := range svc.Methods {
				s.Methods = append(s.Methods, deploy.Method{Name: m.Name, Stream: m.Kind != model.Unary, Policy: m.Policy.Policy})
			}
			services = append(services, s)
		}
	}
	return services
}

// generate generates the files and merges them with the user's.
func (d *deployment) generate(command string, services []deploy.Service) error {
	var err error
	if d.directory, err = d.Directory(d.deployParameters.dir); err != nil {
		return fmt.Errorf("parameter deploy_dir=%q: %w", d.deployParameters.dir, err)
	}
	app, err := d.app(command, services)
	if err != nil {
		return err
	}
	if err := d.checkBalancing(services); err != nil {
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
	return d.merge(app, wanted, have)
}

// app returns the program to deploy. Its directory must be in the same module as deploy_dir.
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
		Name: d.name, Image: d.image, Port: cmp.Or(d.port, deploy.DefaultPort), TLSSecret: d.tls, WebPort: d.webPort,
		Dir:     strings.TrimPrefix(d.directory.ImportPath, d.directory.Module+"/"),
		Command: strings.TrimPrefix(f.ImportPath, f.Module+"/"),
		Version: deploy.DefaultVersion, Monitoring: d.has("monitoring"), SLO: cmp.Or(d.slo, deploy.DefaultSLO),
		GoVersion: context.GoVersion(deploy.DefaultGoVersion), DrainDelay: deploy.DefaultDrainDelay, ShutdownTimeout: deploy.DefaultShutdownTimeout,
		Callers: d.callers, EndpointSlices: d.endpointSlices, Namespace: d.namespace,
		Gateway: d.gateway, Hostnames: d.hostnames, WebHostnames: d.webHostnames, Services: services,
	}, nil
}

// checkBalancing returns an error if services disagree about what their clients and proxies apply
// to all of them.
func (d *deployment) checkBalancing(services []deploy.Service) error {
	if !d.has("istio") && !d.has("client") {
		return nil
	}
	var errs []error
	_, disagreements := deploy.Balancing(services)
	for _, disagreement := range disagreements {
		errs = append(errs, fmt.Errorf("emit=deploy: %w; set the same for all services of the program, "+
			"or leave out the parts istio and client with deploy_parts", disagreement))
	}
	return errors.Join(errs...)
}

// has reports whether a part is among those to write and compare.
func (d *deployment) has(part string) bool {
	return len(d.parts) == 0 || slices.Contains(d.parts, part)
}

// have returns the wanted files that the user has.
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

// merge adds all files of the parts of which the user has none. In the other parts, it adds no
// files, and warns about those that contradict the policies.
func (d *deployment) merge(app deploy.App, wanted, have map[string][]byte) error {
	owned := make(map[string]bool)
	for name := range have {
		owned[partOf(name)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		at, part := path.Join(d.directory.Path, name), partOf(name)
		content, found := have[name]
		switch {
		case !d.has(part):
		case found:
			d.compare(app, at, name, content, wanted[name])
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

// compare warns where a user's file contradicts the policies.
func (d *deployment) compare(app deploy.App, at, name string, have, want []byte) {
	for _, difference := range deploy.Differences(app, name, have, want) {
		difference.Path = at
		d.problems.Add(difference)
	}
}
