package prune

import "google.golang.org/protobuf/encoding/protowire"

// appendFile appends a file without what the generator does not read. It reports false if its source
// locations do not decode.
func (g *graph) appendFile(out []byte, i int) ([]byte, bool) {
	f := &g.files[i]
	at := f.first
	for rest := f.raw; len(rest) > 0; {
		d, _ := next(&rest)
		switch {
		case d.number == fileMessage, d.number == fileEnum:
			out = g.appendType(out, d, at)
			at = g.types[at].end
		case d.number == fileSourceInfo && !f.hasReasons:
			info, ok := pruneInfo(d.value, f.deprecated)
			if !ok {
				return nil, false
			}
			out = appendBytes(out, fileSourceInfo, info)
		default:
			out = append(out, d.raw...)
		}
	}
	return out, true
}

// appendType appends what is kept of a type, the field d of the file or message that declares it.
func (g *graph) appendType(out []byte, d field, i int32) []byte {
	switch t := &g.types[i]; {
	case t.level == removed:
		return out
	case t.level == whole && g.keepsAll(i):
		return append(out, d.raw...)
	case t.level == shell && t.end == i+1:
		out = protowire.AppendTag(out, d.number, protowire.BytesType)
		out = protowire.AppendVarint(out, uint64(sizeOfShell(t.raw)))
		return g.appendKept(out, i)
	default:
		return appendBytes(out, d.number, g.appendKept(nil, i))
	}
}

// keepsAll reports whether none of the types that are nested in a message is pruned.
func (g *graph) keepsAll(i int32) bool {
	for nested := i + 1; nested < g.types[i].end; nested++ {
		if g.types[nested].level != whole {
			return false
		}
	}
	return true
}

// appendKept appends the fields of the descriptor of a message that are kept.
func (g *graph) appendKept(out []byte, i int32) []byte {
	t := &g.types[i]
	at := i + 1
	for rest := t.raw; len(rest) > 0; {
		d, _ := next(&rest)
		switch {
		case d.number == messageNested, d.number == messageEnum:
			out = g.appendType(out, d, at)
			at = g.types[at].end
		case t.level == whole, isOfShell(d):
			out = append(out, d.raw...)
		}
	}
	return out
}

// isOfShell reports whether a shell keeps a field of a message's descriptor.
func isOfShell(d field) bool { return d.number == declarationName || d.number == messageOptions }

// sizeOfShell returns the size of the shell of a message without nested types.
func sizeOfShell(raw []byte) (size int) {
	for len(raw) > 0 {
		if d, _ := next(&raw); isOfShell(d) {
			size += len(d.raw)
		}
	}
	return size
}
