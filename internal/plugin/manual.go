package plugin

// manual is what --help prints; the long form is the doc comment of cmd/protoc-gen-grpcservice.
const manual = `protoc-gen-grpcservice is a plugin of buf and protoc: it generates Go gRPC services from proto files.

    # buf.gen.yaml
    version: v2
    plugins:
      - {local: protoc-gen-go,          out: gen, opt: paths=source_relative}
      - {local: protoc-gen-grpcservice, out: gen, opt: paths=source_relative}

Parameters:
    emit=service;test       what to generate; these two are the default, skeleton and deploy write code and manifests of yours
    skeleton_dir=DIR, app=DIR
                            for emit=skeleton: the package that implements the services, and the program that serves them
    policy=FILE             a YAML file of policies, beside the options in the protos
    report=FILE             write what was decided for each method, and why, to a .json file
    strict                  make errors of warnings
    templates=DIR           a folder of templates that go in the place of the plugin's own
    deploy_dir=DIR, app=DIR, app_name=NAME, image=IMAGE, port=8080, deploy_parts=LIST
                            for emit=deploy: where a Dockerfile and manifests go, and what they are for
    package_suffix=service  what the service package's name adds to that of the messages
    paths, module, M<file>, annotate_code, default_api_level, apilevelM<file>
                            as for protoc-gen-go

Arguments:
    --export DIR            write grpcservice/v1/options.proto, which protos import, below DIR
    --template NAME         print a template, to be changed and put into the folder that templates names
    --version               print the version
    --help                  print this text

Manual: https://pkg.go.dev/github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice
`
