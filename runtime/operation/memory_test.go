package operation_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/operation/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) operation.Store { return operation.Memory() })
}

func TestMemoryForgetsDoneOperationsWhenItIsFull(t *testing.T) {
	store := operation.Memory(operation.Capacity(3))
	create := func(name string) error {
		_, _, err := store.Create(t.Context(), &operation.Record{Name: name, Method: "/m", Lease: time.Hour, Retain: time.Hour}, false)
		return err
	}
	for i := range 3 {
		if err := create(strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := create("3"); !errors.Is(err, operation.ErrFull) {
		t.Errorf("a full store returned %v, want ErrFull", err)
	}
	claimed, err := store.Claim(t.Context(), []string{"/m"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range claimed {
		if err := store.Finish(t.Context(), op.Name, op.Fence, operation.Result{Response: []byte("ok")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := create("3"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{claimed[0].Name: false, claimed[1].Name: true, "2": true, "3": true} {
		if _, err := store.Get(t.Context(), name); (err == nil) != want {
			t.Errorf("Get(%s) returned %v", name, err)
		}
	}
}
