package policy

import (
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Pattern is a pattern that a method has, or may have, as the report says it.
type Pattern struct {
	Name    string
	Level   string
	Reason  string
	Fields  map[string]any // the fields that it was found in, by the names that options have for them
	Emitted bool           // whether there is code for it
	Advice  string         // the option that makes sure of it, or nothing
}

// foundOf returns what was found in a method.
func foundOf(found pattern.Result) (patterns []Pattern) {
	fields := fieldsOf(found)
	for _, f := range found.Findings {
		p := Pattern{Name: f.Pattern, Level: f.Level.String(), Reason: f.Reason, Advice: f.Advice}
		if f.Level > pattern.Possible {
			p.Fields, p.Emitted = fields[f.Pattern], true
		}
		patterns = append(patterns, p)
	}
	return patterns
}

// fieldsOf returns the fields of each pattern of a method.
func fieldsOf(found pattern.Result) map[string]map[string]any {
	all := make(map[string]map[string]any)
	if p := found.Page; p != nil {
		all[pattern.PatternPage] = pathFields(map[string]pattern.Path{
			"items": p.Items, "size": p.Size, "token": p.Token, "next_token": p.NextToken, "total": p.Total, "skip": p.Skip, "idempotency_key": p.RequestID,
		}, "vary", p.Vary)
	}
	if b := found.Batch; b != nil {
		all[pattern.PatternBatch] = batchFields(b)
	}
	if o := found.Operation; o != nil {
		all[pattern.PatternOperation] = operationFields(o)
	}
	if g := found.Getter; g != nil {
		all[pattern.PatternOperationGet] = pathFields(map[string]pattern.Path{"name": g.Name}, "", nil)
	}
	if r := found.RequestID; r != nil {
		all[pattern.PatternRequestID] = pathFields(map[string]pattern.Path{"field": r.Field}, "", nil)
	}
	return all
}

func batchFields(b *pattern.Batch) map[string]any {
	fields := pathFields(map[string]pattern.Path{
		"children": b.Children, "results": b.Results, "missing": b.Missing, "status": b.Status, "value": b.Value, "idempotency_key": b.RequestID,
	}, "hoisted", b.Hoisted)
	fields["mode"] = b.Mode.String()
	if b.Single != nil {
		fields["single"] = string(b.Single.Name())
	}
	return fields
}

func operationFields(o *pattern.Operation) map[string]any {
	fields := pathFields(map[string]pattern.Path{
		"idempotency_key": o.RequestID, "validate_only": o.ValidateOnly, "conflict_key": o.ConflictKey,
	}, "", nil)
	if o.Result != nil {
		fields["response_type"] = string(o.Result.FullName())
	}
	if o.Metadata != nil {
		fields["metadata_type"] = string(o.Metadata.FullName())
	}
	if o.Children != nil {
		fields["children"] = o.Children.Children.String()
	}
	if o.FailedRequests {
		fields["failed_requests"] = "failed_requests"
	}
	return fields
}

// pathFields returns the paths that are not empty, and a list that is not empty.
func pathFields(paths map[string]pattern.Path, listName string, list []string) map[string]any {
	fields := make(map[string]any)
	for name, path := range paths {
		if len(path) > 0 {
			fields[name] = path.String()
		}
	}
	if len(list) > 0 {
		fields[listName] = list
	}
	return fields
}
