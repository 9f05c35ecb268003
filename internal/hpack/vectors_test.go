package hpack

import (
	"encoding/hex"
	"strings"
	"testing"
)

// vector is one header block of RFC 7541 Appendix C.
type vector struct {
	name   string
	block  string // hexadecimal, a representation to a word or more
	fields []Field
	size   uint32 // of the dynamic table afterwards
	table  []Field
}

func (v vector) octets(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(v.block, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sequence is the blocks of one connection.
type sequence struct {
	name      string
	tableSize uint32
	blocks    []vector
}

func field(name, value string) Field { return Field{Name: name, Value: value} }

var (
	requestFields = [][]Field{
		{field(":method", "GET"), field(":scheme", "http"), field(":path", "/"), field(":authority", "www.example.com")},
		{field(":method", "GET"), field(":scheme", "http"), field(":path", "/"), field(":authority", "www.example.com"), field("cache-control", "no-cache")},
		{field(":method", "GET"), field(":scheme", "https"), field(":path", "/index.html"), field(":authority", "www.example.com"), field("custom-key", "custom-value")},
	}
	requestTables = [][]Field{
		{field(":authority", "www.example.com")},
		{field("cache-control", "no-cache"), field(":authority", "www.example.com")},
		{field("custom-key", "custom-value"), field("cache-control", "no-cache"), field(":authority", "www.example.com")},
	}

	longCookie     = field("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
	location       = field("location", "https://www.example.com")
	date21         = field("date", "Mon, 21 Oct 2013 20:13:21 GMT")
	date22         = field("date", "Mon, 21 Oct 2013 20:13:22 GMT")
	private        = field("cache-control", "private")
	gzip           = field("content-encoding", "gzip")
	responseFields = [][]Field{
		{field(":status", "302"), private, date21, location},
		{field(":status", "307"), private, date21, location},
		{field(":status", "200"), private, date22, location, gzip, longCookie},
	}
	responseTables = [][]Field{
		{location, date21, private, field(":status", "302")},
		{field(":status", "307"), location, date21, private},
		{longCookie, gzip, date22},
	}
)

var rfcSequences = []sequence{
	{"C.2.1 literal with indexing", 4096, []vector{{
		"custom-key", "40 0a637573746f6d2d6b6579 0d637573746f6d2d686561646572",
		[]Field{field("custom-key", "custom-header")}, 55, []Field{field("custom-key", "custom-header")},
	}}},
	{"C.2.2 literal without indexing", 4096, []vector{{
		":path", "04 0c2f73616d706c652f70617468",
		[]Field{field(":path", "/sample/path")}, 0, nil,
	}}},
	{"C.2.3 literal never indexed", 4096, []vector{{
		"password", "10 0870617373776f7264 06736563726574",
		[]Field{{"password", "secret", true}}, 0, nil,
	}}},
	{"C.2.4 indexed", 4096, []vector{{
		":method", "82", []Field{field(":method", "GET")}, 0, nil,
	}}},
	{"C.3 requests", 4096, []vector{
		{"C.3.1", "82 86 84 41 0f7777772e6578616d706c652e636f6d", requestFields[0], 57, requestTables[0]},
		{"C.3.2", "82 86 84 be 58 086e6f2d6361636865", requestFields[1], 110, requestTables[1]},
		{"C.3.3", "82 87 85 bf 40 0a637573746f6d2d6b6579 0c637573746f6d2d76616c7565", requestFields[2], 164, requestTables[2]},
	}},
	{"C.4 requests in Huffman code", 4096, []vector{
		{"C.4.1", "82 86 84 41 8cf1e3c2e5f23a6ba0ab90f4ff", requestFields[0], 57, requestTables[0]},
		{"C.4.2", "82 86 84 be 58 86a8eb10649cbf", requestFields[1], 110, requestTables[1]},
		{"C.4.3", "82 87 85 bf 40 8825a849e95ba97d7f 8925a849e95bb8e8b4bf", requestFields[2], 164, requestTables[2]},
	}},
	{"C.5 responses with evictions", 256, []vector{
		{"C.5.1", "48 03333032 58 0770726976617465 61 1d4d6f6e2c203231204f637420323031332032303a31333a323120474d54 6e 1768747470733a2f2f7777772e6578616d706c652e636f6d", responseFields[0], 222, responseTables[0]},
		{"C.5.2", "48 03333037 c1 c0 bf", responseFields[1], 222, responseTables[1]},
		{"C.5.3", "88 c1 61 1d4d6f6e2c203231204f637420323031332032303a31333a323220474d54 c0 5a 04677a6970 77 38666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31", responseFields[2], 215, responseTables[2]},
	}},
	{"C.6 responses in Huffman code with evictions", 256, []vector{
		{"C.6.1", "48 826402 58 85aec3771a4b 61 96d07abe941054d444a8200595040b8166e082a62d1bff 6e 919d29ad171863c78f0b97c8e9ae82ae43d3", responseFields[0], 222, responseTables[0]},
		{"C.6.2", "48 83640eff c1 c0 bf", responseFields[1], 222, responseTables[1]},
		{"C.6.3", "88 c1 61 96d07abe941054d444a8200595040b8166e084a62d1bff c0 5a 839bd9ab 77 ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007", responseFields[2], 215, responseTables[2]},
	}},
}
