package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// TestSBOMs compares each with what the binary in the archive says of itself.
func TestSBOMs(t *testing.T) {
	dir := madeRelease(t)
	for _, p := range testPlatforms() {
		top := "hotpath-" + testVersion + "-" + p.dashed()
		files := readArchive(t, filepath.Join(dir, top+".tar.gz"))
		for _, program := range programs {
			content := files[top+"/"+program.name].content
			info, err := buildinfo.Read(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"stdlib " + strings.TrimPrefix(info.GoVersion, "go")}
			for _, m := range info.Deps {
				want = append(want, m.Path+" "+m.Version+" "+m.Sum)
			}

			text := readFile(t, filepath.Join(dir, program.name+"-"+testVersion+"-"+p.dashed()+".cdx.json"))
			var bom cdx.BOM
			if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range *bom.Components {
				parts := []string{c.Name, c.Version}
				if c.Properties != nil {
					parts = append(parts, (*c.Properties)[0].Value)
				}
				got = append(got, strings.Join(parts, " "))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s for %s: components\n%s\nwant\n%s", program.name, p, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			main := bom.Metadata.Component
			sum := sha256.Sum256(content)
			if main.Name != program.name || main.Version != testVersion || (*main.Hashes)[0].Value != hex.EncodeToString(sum[:]) {
				t.Errorf("%s for %s: it is of %+v", program.name, p, main)
			}
			if bom.Metadata.Timestamp != "2026-01-02T03:04:05Z" || len(*(*bom.Dependencies)[0].Dependencies) != len(want) {
				t.Errorf("%s for %s: of %s, needs %v", program.name, p, bom.Metadata.Timestamp, *bom.Dependencies)
			}
		}
	}
}

func TestSBOMModules(t *testing.T) {
	b := binary{info: &debug.BuildInfo{GoVersion: "go1.26.1-X:jsonv2", Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0+incompatible", Sum: "h1:x"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.0.1"}},
	}}}
	var got []string
	for _, c := range *sbom(release{}, b).Components {
		got = append(got, c.PackageURL)
	}
	want := []string{"pkg:golang/stdlib@1.26.1", "pkg:golang/example.com/a@v1.0.0%2Bincompatible", "pkg:golang/example.com/fork@v1.0.1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
