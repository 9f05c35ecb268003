package config

import (
	"encoding/json"
	"io"
	"strings"
)

// schema is a JSON Schema (draft 7, which editors have), or a part of one.
type schema map[string]any

// Texts of numbers with a unit, as JSON Schema patterns. Their bounds are hotpath
// check's: a pattern that had them could not be read.
const (
	ratePattern     = `^\d+(/s)?$`
	durationPattern = `^(0|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)$`
)

func sizePattern(perSecond string) string {
	return `^\d+ ?(` + strings.ReplaceAll(unitNames(), ", ", "|") + `)?` + perSecond + `$`
}

func textOrNumber(pattern string) schema {
	return schema{"type": []string{"string", "integer"}, "pattern": pattern, "minimum": 0}
}

func (v *count) schema() schema {
	least := v.min
	if v.zero != "" {
		least = 0
	}
	return schema{"type": "integer", "minimum": least, "maximum": v.max}
}

func (v *rate) schema() schema { return textOrNumber(ratePattern) }

func (v *size) schema() schema {
	if v.perSecond {
		return textOrNumber(sizePattern(`(/s)?`))
	}
	return textOrNumber(sizePattern(""))
}

func (v *span) schema() schema {
	return schema{"anyOf": []schema{{"type": "string", "pattern": durationPattern}, {"const": 0}}}
}

func (v *choice) schema() schema { return schema{"enum": v.of} }
func (v *level) schema() schema  { return schema{"enum": v.edges()} }
func (v *toggle) schema() schema { return schema{"type": "boolean"} }

func (v *list[T]) schema() schema {
	return schema{"type": []string{"string", "array"}, "items": schema{"type": "string"}}
}

func (v *statuses) schema() schema {
	return schema{
		"type":                 "object",
		"patternProperties":    map[string]schema{`^[45]\d\d$`: v.kind().(schemer).schema()},
		"additionalProperties": false,
	}
}

// schemer is a value that is not just any text.
type schemer interface{ schema() schema }

// property is the schema of a setting.
func property(v value, def, help string) schema {
	s := schema{"type": "string"}
	if v, ok := v.(schemer); ok {
		s = v.schema()
	}
	s["description"] = plain(help) + " Allowed: " + v.allowed() + "."
	if def != "" {
		s["description"] = s["description"].(string) + " Default: " + def + "."
	}
	return s
}

// object is the schema of a mapping with no other keys than those of properties.
func object(properties map[string]schema) schema {
	return schema{"type": "object", "properties": properties, "additionalProperties": false}
}

// siteObject is the schema of a site, in which a dot of a setting's name is a
// mapping within.
func siteObject() schema {
	s := DefaultSite()
	outer := make(map[string]schema)
	inner := make(map[string]map[string]schema)
	for _, k := range siteSettings(&s) {
		p := property(k.value, k.def, k.help)
		group, name, nested := strings.Cut(k.name, ".")
		if !nested {
			outer[k.name] = p
			continue
		}
		if inner[group] == nil {
			inner[group] = make(map[string]schema)
			outer[group] = object(inner[group])
		}
		inner[group][name] = p
	}
	return object(outer)
}

// WriteSchema writes the JSON Schema of the configuration's file, by which editors
// complete and check it. What it lets pass may be a mistake, as a number with a unit
// beyond its bounds; what it refuses is one.
func WriteSchema(w io.Writer) error {
	c := Default()
	properties := make(map[string]schema)
	for _, k := range settings(&c) {
		if k.name != configKey {
			properties[k.name] = property(k.value, k.def, k.help)
		}
	}
	properties[sitesKey] = schema{
		"type": "array", "items": siteObject(),
		"description": "Sites, each with the hosts whose requests it gets, and what it serves.",
	}
	all := object(properties)
	all["$schema"] = "http://json-schema.org/draft-07/schema#"
	all["title"] = "The configuration of hotpath"
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}
