package service_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestCollaborationServiceContract(t *testing.T) {
	shopv1servicetest.CheckCollaborationService(t, service.NewCollaborationService())
}

// editor edits a document as a client does: it applies the edits that it receives in the order of
// their revisions, and resends its edit if another one was first.
type editor struct {
	*stream.Conversation[shopv1.DocumentEdit, shopv1.DocumentEdit]
	content  string
	revision int64
}

func join(t *testing.T, service shopv1service.CollaborationService) *editor {
	t.Helper()
	e := &editor{Conversation: stream.Converse(t.Context(), service.Collaborate)}
	if err := e.Send(&shopv1.DocumentEdit{DocumentId: "menu"}); err != nil {
		t.Fatal(err)
	}
	return e
}

// read applies the next edit that is new, and returns it.
func (e *editor) read() (*shopv1.DocumentEdit, error) {
	for {
		got, err := e.Receive()
		switch {
		case err != nil:
			return nil, err
		case got.GetRevision() <= e.revision:
			continue // a duplicate
		case got.GetOperation() != shopv1.DocumentEdit_OPERATION_UPDATE && got.GetRevision() != e.revision+1:
			return nil, fmt.Errorf("revision %d after %d", got.GetRevision(), e.revision)
		}
		at := int(got.GetPosition())
		switch got.GetOperation() {
		case shopv1.DocumentEdit_OPERATION_UPDATE:
			e.content = got.GetContent()
		case shopv1.DocumentEdit_OPERATION_INSERT:
			e.content = e.content[:at] + got.GetContent() + e.content[at:]
		case shopv1.DocumentEdit_OPERATION_DELETE:
			e.content = e.content[:at] + e.content[at+len(got.GetContent()):]
		}
		e.revision = got.GetRevision()
		return got, nil
	}
}

// write inserts or deletes a word and returns when the edit has been applied.
func (e *editor) write(word string) error {
	for {
		edit := &shopv1.DocumentEdit{Operation: shopv1.DocumentEdit_OPERATION_INSERT, Content: fmt.Sprint(word, rand.Int64()), Revision: e.revision}
		edit.Position = int32(rand.IntN(len(e.content) + 1))
		if len(e.content) > 500 && word == "<0>" { // one deletes, so that no two edits are equal
			at := rand.IntN(len(e.content) - 1)
			edit.Operation, edit.Content, edit.Position = shopv1.DocumentEdit_OPERATION_DELETE, e.content[at:at+1+rand.IntN(len(e.content)-at)], int32(at)
		}
		if err := e.Send(edit); err != nil {
			return err
		}
		got, err := e.read()
		if err != nil {
			return err
		}
		if got.GetPosition() == edit.GetPosition() && got.GetContent() == edit.GetContent() && got.GetOperation() == edit.GetOperation() {
			return nil
		}
	}
}

// TestCollaborate lets several editors edit a document concurrently: all see the same text.
func TestCollaborate(t *testing.T) {
	servicetest.NoLeaks(t)
	client := shopv1servicetest.ServeCollaborationService(t, service.NewCollaborationService())
	const editors, edits = 4, 25
	all := make([]*editor, editors)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = join(t, client)
		defer all[i].Close()
	}
	for i, e := range all {
		wg.Go(func() {
			for range edits {
				if err := e.write(fmt.Sprintf("<%d>", i)); err != nil {
					t.Error(err)
					return
				}
			}
			for e.revision < editors*edits {
				if _, err := e.read(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	late := join(t, client)
	defer late.Close()
	for late.revision < editors*edits {
		if _, err := late.read(); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range all {
		if e.content != late.content {
			t.Errorf("editor %d has %q, want %q", i, e.content, late.content)
		}
	}
}

func TestCollaborateRejects(t *testing.T) {
	client := shopv1servicetest.ServeCollaborationService(t, service.NewCollaborationService())
	for name, edit := range map[string]*shopv1.DocumentEdit{
		"before the start": {Operation: shopv1.DocumentEdit_OPERATION_INSERT, Position: -1, Content: "x"},
		"after the end":    {Operation: shopv1.DocumentEdit_OPERATION_INSERT, Position: 1, Content: "x"},
		"nothing there":    {Operation: shopv1.DocumentEdit_OPERATION_DELETE, Content: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			edit.DocumentId = "menu"
			_, err := stream.Collect(client.Collaborate(t.Context(), stream.Of(edit)))
			wantCode(t, err, codes.InvalidArgument)
		})
	}
}
