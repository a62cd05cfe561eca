// Package pluginpb is the generated code of plugin.proto: the wire between
// plugins/sdk's two adapters. Nobody else speaks it.
package pluginpb

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$(go tool -n protoc-gen-go-grpc) --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative --proto_path=../.. plugin.proto"
