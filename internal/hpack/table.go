package hpack

import "unsafe"

// table is a dynamic table (RFC 7541 §2.3.2, §4). Its memory comes in steps,
// nothing before the first insertion, and is never more than the size allowed
// plus 6 bytes an entry.
type table struct {
	// text holds names and values, oldest first, each name before its value;
	// those of the present entries fill text[first:]. An eviction only moves
	// first, so strings borrowed from text stay as they are until makeRoom.
	text  []byte
	first int

	// ring says where entries lie in text. Its length is a power of two, and
	// insertion number i is at i modulo that; the present entries are the
	// count numbers before next.
	ring        []entry
	next, count uint32

	size, max  uint32 // bytes as Field.Size counts
	generation uint32 // changes with every insertion, eviction and resizing
}

// entry is where one entry lies in the text. Sixteen bits do, as no table is
// larger than MaxTableSize.
type entry struct {
	start, name, value uint16 // the offset and the two lengths
}

func (e entry) size() uint32 { return uint32(e.name) + uint32(e.value) + fieldOverhead }

const (
	minText = 256 // of the text's first allocation: a request's five or six fields
	minRing = 8   // of the ring's first: as many
)

// at returns the entry with an index among the dynamic ones, 1 being the
// newest, and whether there is one. The strings are borrowed: valid until
// makeRoom.
func (t *table) at(index uint32) (name, value string, ok bool) {
	if index-1 >= t.count {
		return "", "", false
	}
	name, value = t.strings(t.ring[(t.next-index)&uint32(len(t.ring)-1)])
	return name, value, true
}

func (t *table) strings(e entry) (name, value string) {
	b := t.text[e.start : int(e.start)+int(e.name)+int(e.value)]
	s := view(b)
	return s[:e.name], s[e.name:]
}

// view returns b's octets as a string, which changes if they do.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// find returns the index of the newest entry with that name and value, and
// true; or of the newest with that name, 0 if there is none, and false. It
// is a scan, lengths first: tables hold some tens of entries.
func (t *table) find(name, value string) (index uint32, exact bool) {
	for i := uint32(1); i <= t.count; i++ {
		e := t.ring[(t.next-i)&uint32(len(t.ring)-1)]
		if int(e.name) != len(name) {
			continue
		}
		n, v := t.strings(e)
		if n != name {
			continue
		}
		if v == value {
			return i, true
		}
		if index == 0 {
			index = i
		}
	}
	return index, false
}

// resize sets the maximum size and evicts what no longer fits (RFC 7541 §4.3).
func (t *table) resize(maximum uint32) {
	t.max = maximum
	t.evict(maximum)
	t.generation++
}

// evict removes the oldest entries until the rest count no more than size.
func (t *table) evict(size uint32) {
	for t.size > size {
		e := t.ring[(t.next-t.count)&uint32(len(t.ring)-1)]
		t.first += int(e.name) + int(e.value)
		t.size -= e.size()
		t.count--
	}
}

// hasRoom reports whether an entry with that text can be inserted without
// moving the text of others.
func (t *table) hasRoom(text int) bool { return cap(t.text)-len(t.text) >= text }

// insert adds an entry and evicts what has to go for it, everything if it
// is larger than the table (RFC 7541 §4.4). name and value may be borrowed
// from the table only if it has room for them.
func (t *table) insert(name, value string) {
	t.generation++
	text := len(name) + len(value)
	if text+fieldOverhead > int(t.max) {
		t.evict(0)
		return
	}
	size := uint32(text + fieldOverhead)
	t.evict(t.max - size)
	if !t.hasRoom(text) {
		t.makeRoom(text)
	}
	if int(t.count) == len(t.ring) {
		t.growRing()
	}
	t.ring[t.next&uint32(len(t.ring)-1)] = entry{
		start: uint16(len(t.text)),
		name:  uint16(len(name)),
		value: uint16(len(value)),
	}
	t.text = append(append(t.text, name...), value...)
	t.next++
	t.count++
	t.size += size
}

// makeRoom moves the text to the front, into more memory if that would
// leave less than half of it free and the table may have more. need octets fit
// behind it afterwards, given that the table's maximum allows them.
func (t *table) makeRoom(need int) {
	present := t.text[t.first:]
	have, need := cap(t.text), len(present)+need
	if 2*need > have && have < int(t.max) {
		more := make([]byte, len(present), min(max(2*have, need, minText), int(t.max)))
		copy(more, present)
		t.text = more
	} else {
		t.text = t.text[:copy(t.text, present)]
	}
	for i := t.next - t.count; i != t.next; i++ {
		t.ring[i&uint32(len(t.ring)-1)].start -= uint16(t.first)
	}
	t.first = 0
}

func (t *table) growRing() {
	more := make([]entry, max(minRing, 2*len(t.ring)))
	for i := t.next - t.count; i != t.next; i++ {
		more[i&uint32(len(more)-1)] = t.ring[i&uint32(len(t.ring)-1)]
	}
	t.ring = more
}
