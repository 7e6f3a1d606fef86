package page

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/digest"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// shape holds the fields that [Fields] names, resolved once.
type shape struct {
	names                                                      Fields
	items, size, token, nextToken, total, skip, idempotencyKey fieldpath.Path // empty if there is no such field
	// digester digests a request without the fields that may differ from page to page.
	digester *digest.Digester
	codecs   codecs
}

// newShape resolves the fields of a request and a response.
func newShape(fields Fields, req, resp protoreflect.MessageDescriptor) (*shape, error) {
	s := &shape{names: fields}
	var errs []error
	find := func(p *fieldpath.Path, text string, desc protoreflect.MessageDescriptor, how func(protoreflect.MessageDescriptor, string) (fieldpath.Path, error)) {
		if text == "" {
			return
		}
		var err error
		if *p, err = how(desc, text); err != nil {
			errs = append(errs, err)
		}
	}
	find(&s.items, fields.Items, resp, itemsOf)
	find(&s.nextToken, fields.NextToken, resp, fieldpath.Text)
	find(&s.total, fields.Total, resp, fieldpath.Integer)
	find(&s.size, fields.Size, req, fieldpath.Integer)
	find(&s.token, fields.Token, req, fieldpath.Text)
	find(&s.skip, fields.Skip, req, fieldpath.Integer)
	find(&s.idempotencyKey, fields.IdempotencyKey, req, fieldpath.Text)
	free := []fieldpath.Path{s.size, s.token, s.skip, s.idempotencyKey}
	for _, text := range fields.Vary {
		var p fieldpath.Path
		find(&p, text, req, fieldpath.Find)
		free = append(free, p)
	}
	errs = append(errs, s.misuse()...)
	s.digester = digest.Without(free...)
	return s, errors.Join(errs...)
}

// itemsOf finds a list or a map.
func itemsOf(desc protoreflect.MessageDescriptor, text string) (fieldpath.Path, error) {
	p, err := fieldpath.Find(desc, text)
	if err == nil && !p.Last().IsList() && !p.Last().IsMap() {
		return nil, fmt.Errorf("%s is %s, not a list or a map", text, fieldpath.TypeOf(p.Last()))
	}
	return p, err
}

// misuse returns the mistakes in the fields.
func (s *shape) misuse() (errs []error) {
	if len(s.items) == 0 {
		errs = append(errs, errors.New("no field for the items; set Items"))
	}
	if (len(s.token) == 0) != (len(s.nextToken) == 0) {
		errs = append(errs, errors.New("only one of the request and the response has a page token; set both Token and NextToken, or neither"))
	}
	if len(s.token) == 0 && len(s.skip) == 0 {
		errs = append(errs, errors.New("no field for the start of a page; set Token or Skip"))
	}
	return errs
}

// counted reports whether the list is paged without tokens.
func (s *shape) counted() bool { return len(s.token) == 0 }
