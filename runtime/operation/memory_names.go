package operation

import (
	"iter"
	"slices"
)

// maxBlock bounds the names of a block, and with them how many names move when one is added.
const maxBlock = 512

// nameSet is a sorted set of names in blocks, none of which is empty. Adding or removing a name
// takes about the same time among a thousand names and among a million.
type nameSet struct{ blocks [][]string }

// add adds a name that is not in the set.
func (s *nameSet) add(name string) {
	if len(s.blocks) == 0 {
		s.blocks = [][]string{{name}}
		return
	}
	i := s.block(name)
	at, _ := slices.BinarySearch(s.blocks[i], name)
	block := slices.Insert(s.blocks[i], at, name)
	s.blocks[i] = block
	if len(block) <= maxBlock {
		return
	}
	half := len(block) / 2
	s.blocks = slices.Insert(s.blocks, i+1, slices.Clone(block[half:]))
	clear(block[half:])
	s.blocks[i] = block[:half]
}

// remove removes a name if it is in the set.
func (s *nameSet) remove(name string) {
	if len(s.blocks) == 0 {
		return
	}
	i := s.block(name)
	at, ok := slices.BinarySearch(s.blocks[i], name)
	if !ok {
		return
	}
	s.blocks[i] = slices.Delete(s.blocks[i], at, at+1)
	s.merge(i)
	s.merge(i - 1)
}

// merge joins a block with the next one if both are small, and drops an empty last one.
func (s *nameSet) merge(i int) {
	switch {
	case i < 0:
	case i+1 < len(s.blocks) && len(s.blocks[i])+len(s.blocks[i+1]) <= maxBlock/2:
		s.blocks[i] = append(s.blocks[i], s.blocks[i+1]...)
		s.blocks = slices.Delete(s.blocks, i+1, i+2)
	case i < len(s.blocks) && len(s.blocks[i]) == 0:
		s.blocks = slices.Delete(s.blocks, i, i+1)
	}
}

// from returns the names from a name on, in their order.
func (s *nameSet) from(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(s.blocks) == 0 {
			return
		}
		i := s.block(name)
		at, _ := slices.BinarySearch(s.blocks[i], name)
		for ; i < len(s.blocks); i, at = i+1, 0 {
			for _, next := range s.blocks[i][at:] {
				if !yield(next) {
					return
				}
			}
		}
	}
}

// block returns the index of the block that a name belongs to.
func (s *nameSet) block(name string) int {
	i, ok := slices.BinarySearchFunc(s.blocks, name, func(block []string, name string) int {
		switch {
		case block[0] < name:
			return -1
		case block[0] > name:
			return 1
		}
		return 0
	})
	if ok {
		return i
	}
	return max(0, i-1)
}
