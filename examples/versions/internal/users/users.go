// Package users stores users for both versions of the API.
package users

import (
	"errors"
	"strings"
	"sync"
)

// What may be wrong with a call; the versions of the API say it in their own words.
var (
	ErrUnknown = errors.New("there is no such user")
	ErrNoName  = errors.New("a user needs a name")
)

// User is what both versions are made of. It has the most that either knows.
type User struct {
	ID     int32
	Given  string
	Family string
	Email  string
	Phone  string
}

// Store keeps users in memory.
type Store struct {
	mu    sync.Mutex
	users []User // a user's id is its place, counted from 1
}

// Get returns the user with an id, or ErrUnknown.
func (s *Store) Get(id int32) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || int(id) > len(s.users) {
		return User{}, ErrUnknown
	}
	return s.users[id-1], nil
}

// Add gives a user an id and keeps it, or returns ErrNoName.
func (s *Store) Add(user User) (User, error) {
	if strings.TrimSpace(user.Given+user.Family) == "" {
		return User{}, ErrNoName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, user)
	user.ID = int32(len(s.users))
	s.users[user.ID-1] = user
	return user, nil
}
