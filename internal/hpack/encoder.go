package hpack

// Encoder is the sending side of a connection: a dynamic table, of at most
// DefaultTableSize bytes whatever the peer allows. The zero value is ready.
//
// A block is AppendBlockStart, then AppendField for each field, and must be
// sent whole and in order: what the peer's table holds depends on it. The
// encoder keeps no string it is given.
type Encoder struct {
	table table
	ready bool // table.max is set

	resized bool // the table's maximum was changed since the last block
	emptied bool // and was raised again, for which the table was emptied
}

func (e *Encoder) dynamic() *table {
	if !e.ready {
		e.ready = true
		e.table.max = DefaultTableSize
	}
	return &e.table
}

// SetMaxTableSize takes the peer's SETTINGS_HEADER_TABLE_SIZE, in bytes. The
// next block announces the change to the peer's decoder.
func (e *Encoder) SetMaxTableSize(n uint32) {
	t := e.dynamic()
	n = min(n, DefaultTableSize)
	if n == t.max {
		return
	}
	if e.resized && n > t.max {
		// The smallest maximum between two blocks has to be announced,
		// and the last one (RFC 7541 §4.2). Zero is small enough for any
		// history, and x/net's decoder takes a second update for an empty
		// table only.
		e.emptied = true
		t.resize(0)
	}
	e.resized = true
	t.resize(n)
}

// AppendBlockStart appends the table size updates with which a block has to
// begin, mostly none.
func (e *Encoder) AppendBlockStart(dst []byte) []byte {
	if !e.resized {
		return dst
	}
	if e.emptied {
		dst = AppendInt(dst, resizePattern, resizeBits, 0)
	}
	e.resized, e.emptied = false, false
	return AppendInt(dst, resizePattern, resizeBits, uint64(e.table.max))
}

// AppendField appends f: as a reference if one of the tables has it, else
// as a literal, which enters the dynamic table if index says so and it fits.
// A sensitive field is a never-indexed literal in any case.
func (e *Encoder) AppendField(dst []byte, f Field, index bool) []byte {
	static, exact := staticIndex(f.Name, f.Value)
	if exact && !f.Sensitive {
		return append(dst, indexedPattern|static)
	}
	t := e.dynamic()
	name := uint64(static)
	if i, exact := t.find(f.Name, f.Value); exact && !f.Sensitive {
		return AppendInt(dst, indexedPattern, indexedBits, staticLen+uint64(i))
	} else if name == 0 && i > 0 {
		name = staticLen + uint64(i)
	}
	if !index || f.Sensitive || f.Size() > int(t.max) {
		return appendLiteral(dst, f, name)
	}
	dst = AppendInt(dst, insertPattern, insertBits, name)
	if name == 0 {
		dst = AppendString(dst, f.Name)
	}
	t.insert(f.Name, f.Value)
	return AppendString(dst, f.Value)
}

// Generation changes whenever the table does. What AppendField appended
// without changing it may be sent again, behind an AppendBlockStart, for as
// long as the generation is the same, and decodes to the same fields.
func (e *Encoder) Generation() uint32 { return e.table.generation }
