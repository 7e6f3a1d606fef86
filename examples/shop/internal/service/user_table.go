package service

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
)

// userTable simulates a database table: it is read and modified only in transactions, one at a
// time.
type userTable struct {
	mu     sync.Mutex
	lastID int32
	// Never modified, only replaced: a user that was returned may still be in use.
	users  map[int32]*shopv1.User
	emails map[string]int32 // the user with an email, by emailKey
}

func newUserTable() *userTable {
	return &userTable{users: make(map[int32]*shopv1.User), emails: make(map[string]int32)}
}

// InTx runs work in one transaction: if work fails or panics, all its changes are rolled back.
// Methods of the service that work calls with its context join the transaction. [batch.WithTx]
// requires this function.
func (t *userTable) InTx(ctx context.Context, work func(context.Context) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	tx := &userTx{table: t}
	defer tx.rollback() // the uncommitted changes
	if err := work(context.WithValue(ctx, userTxKey{}, tx)); err != nil {
		return err
	}
	tx.commit()
	return nil
}

// inTx runs fn in the transaction of ctx, or else in a new one.
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

// userTxKey is the context key of a transaction.
type userTxKey struct{}

// userTx is a transaction. It holds the table until it ends.
type userTx struct {
	table *userTable
	undo  []func() // the functions that undo its changes, oldest first
}

func (tx *userTx) commit() { tx.undo = nil }

func (tx *userTx) rollback() {
	for i := len(tx.undo) - 1; i >= 0; i-- {
		tx.undo[i]()
	}
}

func (tx *userTx) count() int { return len(tx.table.users) }

// all returns the users in no particular order. The caller owns the slice.
func (tx *userTx) all() []*shopv1.User { return slices.Collect(maps.Values(tx.table.users)) }

func (tx *userTx) byID(id int32) (*shopv1.User, bool) {
	user, ok := tx.table.users[id]
	return user, ok
}

func (tx *userTx) idByEmail(email string) (int32, bool) {
	id, ok := tx.table.emails[emailKey(email)]
	return id, ok
}

// nextID returns an ID that no user has had. Like a database sequence, it is not rolled back.
func (tx *userTx) nextID() int32 {
	tx.table.lastID++
	return tx.table.lastID
}

// set stores user under the ID; nil removes the user.
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

// emailKey returns the same key for emails that reach the same user.
func emailKey(email string) string { return strings.ToLower(email) }
