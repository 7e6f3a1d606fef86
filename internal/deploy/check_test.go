package deploy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// TestBadAppIsRejected checks that the error names each invalid field, and that Files returns no
// files.
func TestBadAppIsRejected(t *testing.T) {
	services := func(names ...string) func(*deploy.App) {
		return func(a *deploy.App) {
			a.Services = nil
			for _, name := range names {
				a.Services = append(a.Services, deploy.Service{FullName: name, Methods: []deploy.Method{{Name: "Get"}}})
			}
		}
	}
	follows := func(namespace string, others ...string) func(*deploy.App) {
		return func(a *deploy.App) { a.Namespace, a.EndpointSlices = namespace, others }
	}
	web := func(hostname string, webHostnames ...string) func(*deploy.App) {
		return func(a *deploy.App) {
			a.WebPort, a.Gateway, a.WebHostnames = 8081, "a/b", webHostnames
			if hostname != "" {
				a.Hostnames = []string{hostname}
			}
		}
	}
	tests := map[string]struct {
		spoil func(*deploy.App)
		want  string
	}{
		"no name":                 {func(a *deploy.App) { a.Name = "" }, `app_name: ""`},
		"upper case":              {func(a *deploy.App) { a.Name = "Shop" }, `app_name: "Shop"`},
		"a digit first":           {func(a *deploy.App) { a.Name = "1shop" }, `app_name: "1shop"`},
		"a hyphen last":           {func(a *deploy.App) { a.Name = "shop-" }, `app_name: "shop-"`},
		"a dot":                   {func(a *deploy.App) { a.Name = "shop.v1" }, `app_name: "shop.v1"`},
		"a long name":             {func(a *deploy.App) { a.Name = strings.Repeat("a", 54) }, "at most 53"},
		"a line break":            {func(a *deploy.App) { a.Name = "shop\nkind: Secret" }, `app_name: "shop\nkind`},
		"no image":                {func(a *deploy.App) { a.Image = "" }, `image: ""`},
		"upper case image":        {func(a *deploy.App) { a.Image = "registry.example.com/Shop" }, `image: "registry.example.com/Shop"`},
		"image with two tags":     {func(a *deploy.App) { a.Image = "shop:1:2" }, `image: "shop:1:2"`},
		"image with a comment":    {func(a *deploy.App) { a.Image = "shop #1" }, `image: "shop #1"`},
		"image with a new line":   {func(a *deploy.App) { a.Image = "shop\nRUN rm -rf /" }, "image: "},
		"image ends in one":       {func(a *deploy.App) { a.Image = "shop\n" }, "image: "},
		"port of root":            {func(a *deploy.App) { a.Port = 443 }, "port: 443"},
		"port too high":           {func(a *deploy.App) { a.Port = 65536 }, "port: 65536"},
		"absolute command":        {func(a *deploy.App) { a.Command = "/cmd/server" }, `app: "/cmd/server"`},
		"command outside":         {func(a *deploy.App) { a.Command = "../server" }, `app: "../server"`},
		"command through it":      {func(a *deploy.App) { a.Command = "cmd/../../server" }, `app: "cmd/../../server"`},
		"command of a shell":      {func(a *deploy.App) { a.Command = "cmd/server;reboot" }, `app: "cmd/server;reboot"`},
		"command is a flag":       {func(a *deploy.App) { a.Command = "-toolexec" }, `app: "-toolexec"`},
		"directory outside":       {func(a *deploy.App) { a.Dir = "../deploy" }, `deploy_dir: "../deploy"`},
		"directory with a space":  {func(a *deploy.App) { a.Dir = "deploy it" }, `deploy_dir: "deploy it"`},
		"caller of two slashes":   {func(a *deploy.App) { a.Callers = []string{"a/b/c"} }, `callers: "a/b/c" is not a caller; want "namespace/app"`},
		"caller of nothing":       {func(a *deploy.App) { a.Callers = []string{""} }, `callers: "" is not a caller`},
		"a pattern of callers":    {func(a *deploy.App) { a.Callers = []string{"web/check*"} }, `callers: "web/check*" is not a caller`},
		"long caller":             {func(a *deploy.App) { a.Callers = []string{strings.Repeat("a", 64)} }, "is not a caller"},
		"the same caller":         {func(a *deploy.App) { a.Callers = []string{"a/b", "a/b"} }, `callers: "a/b" is there twice; remove one of them`},
		"all callers":             {func(a *deploy.App) { a.Callers = []string{"*/*"} }, `callers: "*/*" is every pod of the cluster; leave the parameter out`},
		"slices of a path":        {follows("shop", "a/b"), `endpointslices: "a/b" is not the name of a namespace`},
		"slices of a long name":   {follows("shop", strings.Repeat("a", 64)), "endpointslices: "},
		"slices with a new line":  {follows("shop", "a\nb"), `endpointslices: "a\nb"`},
		"slices twice":            {follows("shop", "a", "b", "a"), `endpointslices: "a" is there twice; remove one of them`},
		"slices for whom":         {follows("", "a"), "endpointslices: a RoleBinding needs the namespace of the program; add the parameter namespace"},
		"namespace":               {follows("Shop", "a"), `namespace: "Shop" is not the name of a namespace`},
		"namespace with no use":   {follows("shop"), "namespace: only the parameter endpointslices uses it"},
		"gateway of no namespace": {func(a *deploy.App) { a.Gateway = "public" }, `gateway: "public" is not a Gateway; want "namespace/name"`},
		"gateway of four parts":   {func(a *deploy.App) { a.Gateway = "a/b/c/d" }, `gateway: "a/b/c/d" is not a Gateway`},
		"gateway of upper case":   {func(a *deploy.App) { a.Gateway = "ingress/Public" }, `gateway: "ingress/Public" is not a Gateway`},
		"hostnames of no gateway": {func(a *deploy.App) { a.Hostnames = []string{"a.example.com"} }, "hostnames: only routes of a Gateway have them; set gateway as well"},
		"an address as hostname":  {func(a *deploy.App) { a.Gateway, a.Hostnames = "a/b", []string{"10.0.0.1"} }, `hostnames: "10.0.0.1" is not a host name`},
		"a port of a hostname":    {func(a *deploy.App) { a.Gateway, a.Hostnames = "a/b", []string{"a.b:443"} }, `hostnames: "a.b:443" is not a host name`},
		"an asterisk inside":      {func(a *deploy.App) { a.Gateway, a.Hostnames = "a/b", []string{"a.*.b"} }, `hostnames: "a.*.b" is not a host name`},
		"the same hostname":       {func(a *deploy.App) { a.Gateway, a.Hostnames = "a/b", []string{"a.b", "a.b"} }, `hostnames: "a.b" is there twice`},
		"too many hostnames":      {func(a *deploy.App) { a.Gateway, a.Hostnames = "a/b", strings.Fields(strings.Repeat("a.b ", 17)) }, "hostnames: there are 17; a route has at most 16"},
		"web port of root":        {func(a *deploy.App) { a.WebPort = 80 }, "web_port: 80 is out of range; want 1024 to 65535"},
		"web port of gRPC":        {func(a *deploy.App) { a.WebPort = a.Port }, "web_port: 8080 is the port of gRPC; choose another"},
		"web hostnames alone":     {web("", "www.a.b"), "web_hostnames: only routes of a Gateway to the web port have them"},
		"a bad web hostname":      {web("a.b", "x:1"), `web_hostnames: "x:1" is not a host name`},
		"the same web hostname":   {web("a.b", "c.d", "c.d"), `web_hostnames: "c.d" is there twice`},
		"web hostname of gRPC":    {web("a.b", "a.b"), `web_hostnames: "a.b" and "a.b" of hostnames overlap`},
		"web hostname of many":    {web("*.b", "x.a.b"), `web_hostnames: "x.a.b" and "*.b" of hostnames overlap`},
		"web hostnames of one":    {web("x.a.b", "*.a.b"), `web_hostnames: "*.a.b" and "x.a.b" of hostnames overlap`},
		"web hostnames of both":   {web("*.x.a.b", "*.a.b"), `web_hostnames: "*.a.b" and "*.x.a.b" of hostnames overlap`},
		"version":                 {func(a *deploy.App) { a.Version = "1.4" }, `version: "1.4"`},
		"version 0":               {func(a *deploy.App) { a.Version = "v0" }, `version: "v0"`},
		"version of Go":           {func(a *deploy.App) { a.GoVersion = "latest" }, `Go version "latest"`},
		"negative delay":          {func(a *deploy.App) { a.DrainDelay = -1 }, "the drain delay: -1ns"},
		"endless timeout":         {func(a *deploy.App) { a.ShutdownTimeout = 25 * time.Hour }, "the shutdown timeout: 25h"},
		"no services":             {services(), "no service to deploy"},
		"a service twice":         {services("a.B", "a.B"), "a.B is declared twice"},
		"a service of no name":    {services(""), `"" is not a proto name`},
		"a service of a path":     {services("a/B"), `"a/B" is not a proto name`},
		"all at once":             {func(a *deploy.App) { *a = deploy.App{} }, "port: 0 is out of range"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			app := shop()
			tt.spoil(&app)
			files, err := deploy.Files(app)
			if err == nil || !strings.Contains(err.Error(), tt.want) || files != nil {
				t.Errorf("%d files, error %v; want one with %q", len(files), err, tt.want)
			}
		})
	}
}

// TestImages checks which image references are valid.
func TestImages(t *testing.T) {
	for _, image := range []string{
		"shop", "shop:latest", "team/shop:v1", "registry.example.com/team/shop", "localhost:5000/shop:1.0_rc-1", "r.example.com:5000/a/b__c/d-e.f",
		"shop@sha256:" + strings.Repeat("0a", 32), "shop:1@sha256:" + strings.Repeat("0a", 32),
	} {
		app := shop()
		app.Image = image
		if got := lines(string(filesOf(t, app)["kubernetes/deployment.yaml"]), "image:"); len(got) != 1 || got[0] != "image: "+image {
			t.Errorf("%s becomes %q", image, got)
		}
	}
}
