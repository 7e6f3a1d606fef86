package hub

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// memoryQueue is how many messages of a [MemoryBus] wait for one subscription.
const memoryQueue = 1024

// MemoryBus is a [Bus] for the hubs of one process, for tests and programs without replicas. It
// keeps up to 1024 messages for a subscription and loses the oldest of more. Its zero value is
// ready to use. It has a goroutine only while messages wait.
type MemoryBus struct {
	mu    sync.Mutex
	rooms map[string][]*memorySub
}

// memorySub is a subscription. The lock of the bus protects it.
type memorySub struct {
	receive func(data []byte, lost int)
	waiting [][]byte
	lost    int
	running bool
	stopped bool
}

// Publish implements [Bus].
func (b *MemoryBus) Publish(ctx context.Context, room string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, sub := range b.rooms[room] {
		if len(sub.waiting) == memoryQueue {
			sub.waiting = slices.Delete(sub.waiting, 0, 1)
			sub.lost++
		}
		sub.waiting = append(sub.waiting, bytes.Clone(data))
		if !sub.running {
			sub.running = true
			go b.run(sub)
		}
	}
	return nil
}

// run calls receive until nothing waits.
func (b *MemoryBus) run(sub *memorySub) {
	for {
		data, lost, ok := b.next(sub)
		if !ok {
			return
		}
		sub.receive(data, lost)
	}
}

func (b *MemoryBus) next(sub *memorySub) (data []byte, lost int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sub.stopped || len(sub.waiting) == 0 {
		sub.running, sub.waiting = false, nil
		return nil, 0, false
	}
	data, sub.waiting = sub.waiting[0], sub.waiting[1:]
	lost, sub.lost = sub.lost, 0
	return data, lost, true
}

// Subscribe implements [Bus].
func (b *MemoryBus) Subscribe(
	ctx context.Context, room string, receive func(data []byte, lost int),
) (stop func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sub := &memorySub{receive: receive}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms == nil {
		b.rooms = make(map[string][]*memorySub)
	}
	b.rooms[room] = append(b.rooms[room], sub)
	return func() { b.stop(room, sub) }, nil
}

func (b *MemoryBus) stop(room string, sub *memorySub) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sub.stopped = true
	others := slices.DeleteFunc(b.rooms[room], func(s *memorySub) bool { return s == sub })
	if len(others) == 0 {
		delete(b.rooms, room)
		return
	}
	b.rooms[room] = others
}
