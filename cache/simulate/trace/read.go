package trace

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"strings"
)

// Formats are those that [Read] reads.
const Formats = "oracle, twitter, csv"

// Read reads a published trace: "oracle" is libCacheSim's oracleGeneral, 24 bytes a
// request, in which most public traces are offered; "twitter" that of
// github.com/twitter/cache-trace; "csv" has one request a line, whose columns with
// the object and its size in bytes are numbered from 1 (libCacheSim's sample has
// 2 and 3). What is compressed is to be unpacked before. An error names the
// request or line and what is allowed there.
func Read(r io.Reader, format string, object, size int) ([]Request, error) {
	switch format {
	case "oracle":
		return readOracle(r)
	case "twitter":
		return readLines(r, func(fields []string) (Request, bool, error) {
			if len(fields) < 6 {
				return Request{}, false, fmt.Errorf("%d columns: allowed are timestamp,key,key size,value size,client,operation,TTL", len(fields))
			}
			if !strings.HasPrefix(fields[5], "get") {
				return Request{}, false, nil // only look-ups are replayed
			}
			key, err := number(fields[2])
			if err != nil {
				return Request{}, false, err
			}
			value, err := number(fields[3])
			return Request{identity(fields[1]), key + value}, true, err
		})
	case "csv":
		if object < 1 || size < 1 {
			return nil, fmt.Errorf("columns %d and %d: allowed are numbers from 1", object, size)
		}
		return readLines(r, func(fields []string) (Request, bool, error) {
			if len(fields) < max(object, size) {
				return Request{}, false, fmt.Errorf("%d columns, needed are %d", len(fields), max(object, size))
			}
			n, err := number(fields[size-1])
			return Request{identity(fields[object-1]), n}, true, err
		})
	}
	return nil, fmt.Errorf("format %q: allowed are %s", format, Formats)
}

// oracleRecord is the length of a request of oracleGeneral: clock_time uint32,
// obj_id uint64, obj_size uint32, next_access_vtime int64, little-endian.
const oracleRecord = 24

func readOracle(r io.Reader) (all []Request, err error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	var record [oracleRecord]byte
	for {
		switch _, err := io.ReadFull(buffered, record[:]); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("reading request %d, of %d bytes: %w", len(all)+1, oracleRecord, err)
		}
		all = append(all, Request{binary.LittleEndian.Uint64(record[4:]), int64(binary.LittleEndian.Uint32(record[12:]))})
	}
}

// readLines reads lines of columns with commas between. An empty one, one that
// begins with # and a first one whose size is no number are no requests.
func readLines(r io.Reader, parse func(fields []string) (Request, bool, error)) (all []Request, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		request, ok, err := parse(strings.Split(line, ","))
		if err != nil && n == 1 {
			continue // names of columns
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if ok {
			all = append(all, request)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading lines: %w", err)
	}
	return all, nil
}

func number(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0, fmt.Errorf("size %q: allowed are bytes up to 1 TiB", text)
	}
	return n, nil
}

// identity makes an ID of a key.
func identity(key string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, strings.TrimSpace(key)) // never fails
	return h.Sum64()
}
