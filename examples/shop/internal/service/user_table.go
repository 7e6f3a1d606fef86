package service

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
)

// userTable stands for a table of a database: it is read and changed in transactions only, of which there is one at a time.
type userTable struct {
	mu     sync.Mutex
	lastID int32
	users  map[int32]*shopv1.User // never changed, only replaced: what was returned once may still be on its way
	emails map[string]int32       // the user that has an email, by emailKey
}

func newUserTable() *userTable {
	return &userTable{users: make(map[int32]*shopv1.User), emails: make(map[string]int32)}
}

// InTx has work done in one transaction: if it fails, or panics, all that it has changed is as before. Methods of the service that
// work calls with its context take part, which makes one of several. It is what [batch.WithTx] asks for.
func (t *userTable) InTx(ctx context.Context, work func(context.Context) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	tx := &userTx{table: t}
	defer tx.rollback() // of what is not committed
	if err := work(context.WithValue(ctx, userTxKey{}, tx)); err != nil {
		return err
	}
	tx.commit()
	return nil
}

// inTx returns what fn does in the transaction of ctx, or else in one of its own.
func inTx[R any](ctx context.Context, t *userTable, fn func(*userTx) (R, error)) (result R, err error) {
	if tx, ok := ctx.Value(userTxKey{}).(*userTx); ok {
		return fn(tx)
	}
	err = t.InTx(ctx, func(ctx context.Context) (err error) {
		result, err = fn(ctx.Value(userTxKey{}).(*userTx))
		return err
	})
	return result, err
}

// userTxKey is the key of a context's transaction.
type userTxKey struct{}

// userTx is a transaction. It has the table to itself until it ends.
type userTx struct {
	table *userTable
	undo  []func() // what takes its changes back, the oldest first
}

func (tx *userTx) commit() { tx.undo = nil }

func (tx *userTx) rollback() {
	for i := len(tx.undo) - 1; i >= 0; i-- {
		tx.undo[i]()
	}
}

func (tx *userTx) count() int { return len(tx.table.users) }

// all returns the users, in no order. The slice is the caller's own.
func (tx *userTx) all() []*shopv1.User { return slices.Collect(maps.Values(tx.table.users)) }

func (tx *userTx) byID(id int32) (*shopv1.User, bool) {
	user, ok := tx.table.users[id]
	return user, ok
}

func (tx *userTx) idByEmail(email string) (int32, bool) {
	id, ok := tx.table.emails[emailKey(email)]
	return id, ok
}

// nextID returns an id that no user has had. A rollback does not give it back, as with the sequences of databases.
func (tx *userTx) nextID() int32 {
	tx.table.lastID++
	return tx.table.lastID
}

// set makes user the one with the id; nil removes the one that there is.
func (tx *userTx) set(id int32, user *shopv1.User) {
	old := tx.table.users[id]
	tx.undo = append(tx.undo, func() { tx.table.replace(id, old) })
	tx.table.replace(id, user)
}

func (t *userTable) replace(id int32, user *shopv1.User) {
	if old, ok := t.users[id]; ok {
		delete(t.emails, emailKey(old.GetEmail()))
		delete(t.users, id)
	}
	if user != nil {
		t.users[id] = user
		t.emails[emailKey(user.GetEmail())] = id
	}
}

// emailKey is the same for emails that reach the same user.
func emailKey(email string) string { return strings.ToLower(email) }
