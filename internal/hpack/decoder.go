package hpack

// MaxTableSize is the largest table a Decoder keeps, in bytes: 16 bits hold
// any offset in it.
const MaxTableSize = 1<<16 - 1

// Decoder is the receiving side of a connection: a dynamic table, whose memory
// is allocated as the peer fills it.
type Decoder struct {
	table table
	limit uint32 // what table.max may be set to
}

// NewDecoder returns a decoder for a connection whose
// SETTINGS_HEADER_TABLE_SIZE, in bytes, is maxTableSize: no more than
// MaxTableSize, to which it is lowered. The peer may index DefaultTableSize bytes until it has
// acknowledged the setting, and does not index more until a table size update
// says so (RFC 7541 §4.2).
func NewDecoder(maxTableSize uint32) Decoder {
	limit := min(maxTableSize, MaxTableSize)
	return Decoder{table: table{max: min(limit, DefaultTableSize)}, limit: limit}
}

// Generation changes whenever the table does. A block whose decoding did not
// change it decodes to the same fields for as long as the generation is the
// same.
func (d *Decoder) Generation() uint32 { return d.table.generation }

// oneOctet is the first index that needs more than the octet it begins in.
const oneOctet = 1<<indexedBits - 1

// Decode decodes a complete header block into l, whatever l held before. An
// error is a *DecodingError; the table is then no longer the peer's and the
// connection has to end. That the list is over its limits is no error.
func (d *Decoder) Decode(l *List, block []byte) error {
	if l.MaxBytes <= 0 || l.MaxFields <= 0 {
		panic("hpack: a List without MaxBytes or MaxFields")
	}
	l.begin()
	for p := 0; p < len(block); {
		// Most of what arrives is an index in one octet.
		if index := uint32(block[p]) - indexedPattern; index-1 < oneOctet-1 {
			name, value, ok := d.entry(index)
			if !ok {
				return &DecodingError{ErrIndex, p}
			}
			l.add(name, value, false)
			p++
			continue
		}
		next, err := d.decodeOne(l, block, p)
		if err != nil {
			return &DecodingError{err, p}
		}
		p = next
	}
	return nil
}

// decodeOne decodes the representation at p (RFC 7541 §6) and returns where the
// next one begins.
func (d *Decoder) decodeOne(l *List, block []byte, p int) (next int, err error) {
	switch b := block[p]; {
	case b >= indexedPattern: // an index of 0 or in several octets
		index, p, err := readInt(block, p, indexedBits)
		if err != nil {
			return 0, err
		}
		name, value, ok := d.entry(index)
		if !ok {
			return 0, ErrIndex
		}
		l.add(name, value, false)
		return p, nil

	case b >= insertPattern:
		name, value, p, err := d.readLiteral(l, block, p, insertBits)
		if err != nil {
			return 0, err
		}
		if !d.table.hasRoom(len(name) + len(value)) {
			// The table's text moves, from under what is borrowed of it.
			l.detach(d.table.text)
			name = l.copied(name)
		}
		d.table.insert(name, value)
		l.add(name, value, false)
		return p, nil

	case b >= resizePattern:
		size, p, err := readInt(block, p, resizeBits)
		if err != nil {
			return 0, err
		}
		if size > d.limit || l.Count > 0 {
			return 0, ErrTableSize
		}
		d.table.resize(size)
		return p, nil

	default:
		name, value, p, err := d.readLiteral(l, block, p, literalBits)
		if err != nil {
			return 0, err
		}
		l.add(name, value, b >= neverPattern)
		return p, nil
	}
}

// entry returns the entry with an index over both tables (RFC 7541 §2.3.3).
func (d *Decoder) entry(index uint32) (name, value string, ok bool) {
	if index <= staticLen {
		f := &staticTable[index]
		return f.Name, f.Value, index > 0
	}
	return d.table.at(index - staticLen)
}

// readLiteral reads the literal at p, whose name's index has a prefix of that
// many bits.
func (d *Decoder) readLiteral(l *List, block []byte, p int, bits uint) (name, value string, next int, err error) {
	index, p, err := readInt(block, p, bits)
	if err != nil {
		return "", "", 0, err
	}
	if index > 0 {
		var ok bool
		if name, _, ok = d.entry(index); !ok {
			return "", "", 0, ErrIndex
		}
	} else if name, p, err = readString(l, block, p); err != nil {
		return "", "", 0, err
	}
	value, p, err = readString(l, block, p)
	return name, value, p, err
}

// readString reads the string literal at p (RFC 7541 §5.2).
func readString(l *List, block []byte, p int) (s string, next int, err error) {
	if p >= len(block) {
		return "", 0, ErrTruncated
	}
	coded := block[p]&huffmanFlag != 0
	length, p, err := readInt(block, p, lengthBits)
	if err != nil {
		return "", 0, err
	}
	if uint64(length) > uint64(len(block)-p) {
		return "", 0, ErrTruncated
	}
	text := block[p : p+int(length)]
	p += int(length)
	if !coded {
		return view(text), p, nil
	}
	s, ok := l.decoded(text)
	if !ok {
		return "", 0, ErrHuffman
	}
	return s, p, nil
}
