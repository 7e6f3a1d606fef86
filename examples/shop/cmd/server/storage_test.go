package main

import (
	"strings"
	"testing"
)

func TestStorageThatCannotBeOpened(t *testing.T) {
	for want, c := range map[string]config{
		"-store=files: pass memory or postgres": {store: "files", bus: "memory"},
		"-bus=rabbit: pass memory or nats":      {store: "memory", bus: "rabbit"},
		"-nats: ":                               {store: "memory", bus: "nats", nats: "nats://127.0.0.1:1"},
		"-database: ":                           {store: "postgres", database: "postgres://127.0.0.1:1/shop", bus: "memory"},
	} {
		if s, err := c.open(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v, %v, want %s", c, s, err, want)
		}
	}
	s, err := config{store: "memory", bus: "memory"}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.close()
}
