package pattern

import "google.golang.org/protobuf/reflect/protoreflect"

// OperationInfo is the number of google.longrunning.operation_info, the method option with the
// types of its operation (AIP-151).
const OperationInfo protoreflect.FieldNumber = 1049
