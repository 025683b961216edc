package fakepubsub

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// update copies the fields of mask from src to dst. Only the fields named in
// mutable may be changed.
func update(dst, src proto.Message, mask *fieldmaskpb.FieldMask, mutable ...string) error {
	if len(mask.GetPaths()) == 0 {
		return status.Error(codes.InvalidArgument, "update_mask is required")
	}
	from, to := src.ProtoReflect(), dst.ProtoReflect()
	for _, path := range mask.Paths {
		if !slices.Contains(mutable, path) {
			return status.Errorf(codes.InvalidArgument, "%q cannot be changed", path)
		}
		field := to.Descriptor().Fields().ByName(protoreflect.Name(path))
		if !from.Has(field) {
			to.Clear(field)
			continue
		}
		to.Set(field, from.Get(field))
	}
	return nil
}
