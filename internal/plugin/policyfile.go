package plugin

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/grpcservice/grpcservice/internal/policy"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// readPolicy reads the policy file. It returns nil if path is empty.
func readPolicy(env Env, path string) (*policy.File, error) {
	if path == "" {
		return nil, nil
	}
	content, err := env.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("parameter policy=%q: it cannot be read: %w; want the path of a policy file, relative to the directory in which buf or protoc runs", path, err)
	}
	return policy.Parse(path, content), nil
}

// otherTypes resolves all extensions except this plugin's options, whose bytes stay undecoded.
// Invalid options, or a third-party extension with the same number, then do not make the whole
// request unreadable.
type otherTypes struct{}

// FindExtensionByName implements proto.UnmarshalOptions.Resolver.
func (otherTypes) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return withoutOurs(protoregistry.GlobalTypes.FindExtensionByName(name))
}

// FindExtensionByNumber implements proto.UnmarshalOptions.Resolver.
func (otherTypes) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return withoutOurs(protoregistry.GlobalTypes.FindExtensionByNumber(message, number))
}

func withoutOurs(found protoreflect.ExtensionType, err error) (protoreflect.ExtensionType, error) {
	if err == nil && found.TypeDescriptor().ParentFile() == grpcservicev1.File_grpcservice_v1_options_proto {
		return nil, protoregistry.NotFound
	}
	return found, err
}
