package hub_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	roomv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/room/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/room/v1/roomv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// documents is a DocumentService. The edits of a document are in one order, and each makes a
// revision. An edit of an old revision is not made: its author receives what it has missed, and
// sends the edit again for the new revision.
type documents struct {
	roomv1service.UnimplementedDocumentService
	rooms *hub.Hub[roomv1.Edit]

	mu   sync.Mutex
	byID map[string]*document // a database, elsewhere
}

// edits is a stream of edits.
type edits = runtime.Stream[roomv1.Edit]

// document is the edits that made its revisions: the first made revision 1.
type document struct {
	mu    sync.Mutex
	edits []*roomv1.Edit
}

func newDocuments() *documents {
	// An edit is small, and an editor that was disconnected must fetch the edits that it missed.
	rooms := hub.New[roomv1.Edit](hub.WithQueue(1000))
	return &documents{rooms: rooms, byID: make(map[string]*document)}
}

func (s *documents) Collaborate(ctx context.Context, reqs edits) edits {
	var sent int64 // the revision up to which stale edits were answered
	handler := hub.Handler[roomv1.Edit, roomv1.Edit]{
		Name:    (*roomv1.Edit).GetAuthor, // in a real service, leave it out: the principal
		History: s.missed,
		Receive: func(ctx context.Context, m *hub.Member[roomv1.Edit], edit *roomv1.Edit) error {
			return s.edit(ctx, m, edit, &sent)
		},
	}
	return roomv1service.DocumentServiceCollaborate.Serve(ctx, reqs, s.rooms, handler)
}

// missed returns the edits after the revision that the caller has.
func (s *documents) missed(
	_ context.Context, m *hub.Member[roomv1.Edit], first *roomv1.Edit,
) edits {
	missed, err := s.document(m.Room()).since(first.GetRevision())
	if err != nil {
		return runtime.Fail[roomv1.Edit](err)
	}
	return stream.Of(missed...)
}

// edit makes an edit, or sends its author what it has missed after the revision sent.
func (s *documents) edit(
	ctx context.Context, m *hub.Member[roomv1.Edit], edit *roomv1.Edit, sent *int64,
) error {
	if edit.GetText() == "" {
		return nil // only joins
	}
	doc := s.document(m.Room())
	doc.mu.Lock() // also while it publishes: edits are received in the order of their revisions
	defer doc.mu.Unlock()
	missed, err := doc.sinceLocked(edit.GetRevision())
	if err != nil {
		return err
	}
	if len(missed) > 0 {
		for _, other := range missed {
			if other.GetRevision() <= *sent {
				continue
			}
			if err := m.Send(ctx, other); err != nil {
				return err
			}
			*sent = other.GetRevision()
		}
		return nil
	}
	made := &roomv1.Edit{
		DocumentId: m.Room(), Revision: edit.GetRevision() + 1, Author: m.Name(), Text: edit.GetText(),
	}
	doc.edits = append(doc.edits, made)
	return s.rooms.Publish(ctx, m.Room(), made)
}

func (s *documents) document(id string) *document {
	s.mu.Lock()
	defer s.mu.Unlock()
	doc := s.byID[id]
	if doc == nil {
		doc = new(document)
		s.byID[id] = doc
	}
	return doc
}

// since returns the edits that made the revisions after one.
func (d *document) since(revision int64) ([]*roomv1.Edit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sinceLocked(revision)
}

func (d *document) sinceLocked(revision int64) ([]*roomv1.Edit, error) {
	if revision < 0 || revision > int64(len(d.edits)) {
		return nil, status.Errorf(codes.OutOfRange,
			"revision %d: the document has %d", revision, len(d.edits))
	}
	return d.edits[revision:len(d.edits):len(d.edits)], nil
}

// editor is a client with a copy of a document.
type editor struct {
	name     string
	call     *stream.Conversation[roomv1.Edit, roomv1.Edit]
	text     string
	revision int64
}

// join opens a document.
func (e *editor) join(ctx context.Context, service roomv1service.DocumentService, id string) error {
	e.call = stream.Converse(ctx, service.Collaborate)
	return e.call.Send(&roomv1.Edit{DocumentId: id, Revision: e.revision, Author: e.name})
}

// append sends an edit until it is made.
func (e *editor) append(text string) error {
	for {
		if err := e.call.Send(&roomv1.Edit{Revision: e.revision, Text: text}); err != nil {
			return err
		}
		edit, err := e.next()
		if err != nil || edit.GetAuthor() == e.name {
			return err
		}
	}
}

// next applies the next edit. Those that it has already, it ignores.
func (e *editor) next() (*roomv1.Edit, error) {
	for {
		edit, err := e.call.Receive()
		if err != nil {
			return nil, err
		}
		if edit.GetRevision() == e.revision+1 {
			e.text, e.revision = e.text+edit.GetText(), edit.GetRevision()
			return edit, nil
		}
	}
}

// Live collaboration: edits are ordered per document, and a stale one is answered with what it has
// missed.
func Example_collaboration() {
	var service roomv1service.DocumentService = newDocuments() // or a client of it
	ann, bob := &editor{name: "ann"}, &editor{name: "bob"}
	for _, e := range []*editor{ann, bob} {
		if err := e.join(context.Background(), service, "letter"); err != nil {
			fmt.Println(err)
			return
		}
		defer e.call.Close()
	}
	if err := ann.append("Dear Bob, "); err != nil { // makes revision 1
		fmt.Println(err)
		return
	}
	if err := bob.append("Dear Ann, "); err != nil { // of revision 0 first, and then of 1
		fmt.Println(err)
		return
	}
	edit, err := ann.next()
	fmt.Println(edit.GetAuthor(), edit.GetRevision(), err)
	fmt.Println(ann.text == bob.text, bob.text)
	// Output:
	// bob 2 <nil>
	// true Dear Bob, Dear Ann,
}

// TestCollaboration runs many concurrent editors, some of which reconnect after a while.
func TestCollaboration(t *testing.T) {
	servicetest.NoLeaks(t)
	const editors, each = 6, 20
	service := newDocuments()
	all := make([]*editor, editors)
	var done sync.WaitGroup
	for i := range all {
		all[i] = &editor{name: fmt.Sprint("editor ", i)}
		done.Go(func() {
			e := all[i]
			for n := range each {
				if n%7 == 0 { // anew, with the revision that it has
					if e.call != nil {
						e.call.Close()
					}
					if err := e.join(t.Context(), service, "x"); err != nil {
						t.Error(err)
					}
				}
				if err := e.append(fmt.Sprintf("(%d:%d)", i, n)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
	for _, e := range all {
		for e.revision < editors*each && !t.Failed() {
			if _, err := e.next(); err != nil {
				t.Fatal(err)
			}
		}
		e.call.Close()
		if e.text != all[0].text || strings.Count(e.text, "(") != editors*each {
			t.Errorf("%s has %s", e.name, e.text)
		}
	}
	ahead := &editor{name: "ahead", revision: 1000}
	if err := ahead.join(t.Context(), service, "x"); err != nil {
		t.Fatal(err)
	}
	defer ahead.call.Close()
	if _, err := ahead.next(); status.Code(err) != codes.OutOfRange {
		t.Errorf("got %v", err)
	}
}
