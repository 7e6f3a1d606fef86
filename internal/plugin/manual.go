package plugin

// manual is what --help prints; the long form is the doc comment of cmd/protoc-gen-grpcservice.
const manual = `protoc-gen-grpcservice is a plugin of buf and protoc: it generates Go gRPC services from proto files.

    # buf.gen.yaml; the first two plugins are enough, the others write code and manifests that are yours from then on
    version: v2
    plugins:
      - {local: protoc-gen-go,          out: gen, opt: paths=source_relative}
      - {local: protoc-gen-grpcservice, out: gen, opt: paths=source_relative}
      - local: protoc-gen-grpcservice
        out: .
        strategy: all
        opt: [emit=skeleton, skeleton_dir=internal/service, app=cmd/server]
      - local: protoc-gen-grpcservice
        out: .
        strategy: all
        opt: [emit=deploy, deploy_dir=deploy, app=cmd/server, app_name=library, "image=library:1.0.0"]

What it writes, for library/v1/book_service.proto of Go package libraryv1:
    emit=service    library/v1/libraryv1service/book_service.grpcservice.go
                    the interface BookService, and what serves and calls it; written anew each time
    emit=test       library/v1/libraryv1servicetest/book_service.grpcservice.go
                    a server in memory, a fake, the contract test; written anew each time
    emit=skeleton   SKELETON_DIR/book_service.go, book_service_test.go, APP/main.go
                    methods that you fill in; later runs add new RPCs, and change nothing that is there
    emit=deploy     DEPLOY_DIR/Dockerfile, kubernetes/, istio/, client/service-config.json
                    made once; later runs tell where they do not agree with the policies

Parameters:
    emit=service;test       which of these; the first two are the default
    package_suffix=service  what the service package's name adds to that of the messages
    import_path=PATH        the import path of the output folder, for services whose messages are of another module
    policy=FILE             a YAML file of policies, beside the options in the protos
    report=FILE             write what was decided for each method, and why, to a .json file
    strict                  make errors of warnings
    templates=DIR           a folder of templates that go in the place of the plugin's own
    skeleton_dir=DIR, app=DIR
                            for emit=skeleton: the package that implements the services, and the program that serves them
    deploy_dir=DIR, app=DIR, app_name=NAME, image=IMAGE, port=8080, deploy_parts=LIST
                            for emit=deploy: where the manifests go, and what they are for
    paths, module, M<file>, annotate_code, default_api_level, apilevelM<file>
                            as for protoc-gen-go

Arguments:
    --export DIR            write grpcservice/v1/options.proto, which protos import, below DIR
    --template NAME         print a template, to be changed and put into the folder that templates names
    --version               print the version
    --help                  print this text

Manual: https://pkg.go.dev/github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice
`
