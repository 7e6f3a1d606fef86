package model

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// singleName returns the name of the RPC that does for one child what a batch does for many.
func singleName(batch *pattern.Batch) string {
	if batch == nil || batch.Single == nil {
		return ""
	}
	return string(batch.Single.Name())
}

// warnWeaker warns of a batch that goes around the policy of the RPC that does it for one child.
func (b *builder) warnWeaker(m *protogen.Method, batch *pattern.Batch) {
	if singleName(batch) == "" {
		return
	}
	many, wrong := b.decisionOf(m.Desc)
	single, wrongToo := b.decisionOf(batch.Single)
	if len(wrong)+len(wrongToo) > 0 || many.Policy.Batch.OwnPolicy {
		return
	}
	if ways := policy.Weaker(many.Policy, single.Policy); len(ways) > 0 {
		b.problems.Warnf(atRPC(m),
			"its policy is weaker than that of %s, which it does for many: %s; give it the rules of %s, or set the option batch: {own_policy: true}",
			batch.Single.Name(), strings.Join(ways, "; "), batch.Single.Name())
	}
}
