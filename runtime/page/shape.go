package page

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/digest"
)

// shape is what [Fields] names, found in the messages once.
type shape struct {
	names                                                      Fields
	items, size, token, nextToken, total, skip, idempotencyKey path // those that there are not are empty
	// digester makes the digest of a request without the fields that may differ from page to page.
	digester *digest.Digester
	codecs   codecs
}

// newShape finds fields in a request and a response.
func newShape(fields Fields, req, resp protoreflect.MessageDescriptor) (*shape, error) {
	s := &shape{names: fields}
	var errs []error
	find := func(p *path, text string, desc protoreflect.MessageDescriptor, how func(protoreflect.MessageDescriptor, string) (path, error)) {
		if text == "" {
			return
		}
		var err error
		if *p, err = how(desc, text); err != nil {
			errs = append(errs, err)
		}
	}
	find(&s.items, fields.Items, resp, itemsOf)
	find(&s.nextToken, fields.NextToken, resp, textOf)
	find(&s.total, fields.Total, resp, numberOf)
	find(&s.size, fields.Size, req, numberOf)
	find(&s.token, fields.Token, req, textOf)
	find(&s.skip, fields.Skip, req, numberOf)
	find(&s.idempotencyKey, fields.IdempotencyKey, req, textOf)
	free := []path{s.size, s.token, s.skip, s.idempotencyKey}
	for _, text := range fields.Vary {
		var p path
		find(&p, text, req, pathOf)
		free = append(free, p)
	}
	errs = append(errs, s.misuse()...)
	s.digester = digest.Without(free...)
	return s, errors.Join(errs...)
}

// itemsOf finds a list or a map.
func itemsOf(desc protoreflect.MessageDescriptor, text string) (path, error) {
	p, err := pathOf(desc, text)
	if err == nil && !p.last().IsList() && !p.last().IsMap() {
		return nil, fmt.Errorf("%s: it is %s, neither a list nor a map", text, kindOf(p.last()))
	}
	return p, err
}

// misuse returns what is missing.
func (s *shape) misuse() (errs []error) {
	if len(s.items) == 0 {
		errs = append(errs, errors.New("no field has the items"))
	}
	if (len(s.token) == 0) != (len(s.nextToken) == 0) {
		errs = append(errs, errors.New("a page token is in the request or in the response only"))
	}
	if len(s.token) == 0 && len(s.skip) == 0 {
		errs = append(errs, errors.New("neither a token nor a number of items to skip says where a page begins"))
	}
	return errs
}

// counted says that the list is paged without tokens.
func (s *shape) counted() bool { return len(s.token) == 0 }
