package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// writeSBOMs writes, for each binary, what it was built from.
func writeSBOMs(dir string, r release, binaries []binary) error {
	for _, b := range binaries {
		var text bytes.Buffer
		if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(sbom(r, b), cdx.SpecVersion1_6); err != nil {
			return fmt.Errorf("writing the SBOM of %s: %w", b.target, err)
		}
		name := b.program + "-" + r.version + "-" + b.dashed() + ".cdx.json"
		if err := os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sbom is the bill of materials of one binary: the modules that the linker took
// packages from, and Go's standard library. All of it is read from the binary.
func sbom(r release, b binary) *cdx.BOM {
	sum := sha256.Sum256(b.content)
	program := moduleComponent(&debug.Module{Path: module, Version: r.version})
	program.Type = cdx.ComponentTypeApplication
	program.Name = b.program
	program.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}}
	program.Licenses = &cdx.Licenses{{License: &cdx.License{ID: license}}}
	program.Properties = &[]cdx.Property{{Name: "platform", Value: b.platform.String()}}

	// Scanners list the library by this name. Behind its version there may be
	// experiments that are switched on, as in "go1.26.1-X:jsonv2".
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(b.info.GoVersion, "go"), "-X:")
	components := []cdx.Component{moduleComponent(&debug.Module{Path: "stdlib", Version: goVersion})}
	for _, m := range b.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, moduleComponent(m))
	}
	var needs []string
	for _, c := range components {
		needs = append(needs, c.BOMRef)
	}

	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: r.created.Format(time.RFC3339), Component: &program}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &needs}}
	return bom
}

// moduleComponent names a module as package URLs do
// (https://github.com/package-url/purl-spec).
func moduleComponent(m *debug.Module) cdx.Component {
	purl := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := cdx.Component{
		BOMRef: purl, PackageURL: purl,
		Type: cdx.ComponentTypeLibrary,
		Name: m.Path, Version: cmp.Or(m.Version, "unknown"),
	}
	if m.Sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: m.Sum}}
	}
	return c
}
