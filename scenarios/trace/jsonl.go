package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// jsonlParser reads one JSON object per line. paths has the field of each role: a name or a dotted path.
func jsonlParser(paths [numRoles]string) parser {
	return func(line []byte, r *row) error {
		*r = row{}
		object, err := parseObject(line)
		if err != nil {
			return err
		}
		for role, path := range paths {
			if path == "" {
				continue
			}
			if r[role], err = scalar(lookup(object, path)); err != nil {
				return fmt.Errorf("field %q: %w", path, err)
			}
		}
		if r[roleSession] == nil {
			return fmt.Errorf("no field %q", paths[roleSession])
		}
		return nil
	}
}

func parseObject(line []byte) (map[string]json.RawMessage, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if object == nil {
		return nil, errors.New("not a JSON object: null")
	}
	return object, nil
}

// lookup follows path. A field name may contain dots, so the longest existing name is tried first.
func lookup(object map[string]json.RawMessage, path string) json.RawMessage {
	if value, ok := object[path]; ok {
		return value
	}
	for dot := strings.LastIndexByte(path, '.'); dot >= 0; dot = strings.LastIndexByte(path[:dot], '.') {
		inner, err := parseObject(object[path[:dot]])
		if err != nil {
			continue
		}
		if value := lookup(inner, path[dot+1:]); value != nil {
			return value
		}
	}
	return nil
}

// scalar is a value as a cell: a string without its quotes, a number as it is written. null is no cell.
func scalar(value json.RawMessage) ([]byte, error) {
	if len(value) == 0 || string(value) == "null" {
		return nil, nil
	}
	switch c := value[0]; {
	case c == '"':
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return nil, err
		}
		return []byte(s), nil
	case c == '{' || c == '[' || c == 't' || c == 'f':
		return nil, fmt.Errorf("%s: want a string or a number", clip(value))
	default:
		return value, nil
	}
}

// bindFields finds the fields of the roles in the first lines. Given paths are used even if the first lines do not have them.
func bindFields(sample [][]byte, given map[string]string) ([numRoles]string, error) {
	seen := map[string]bool{}
	for _, line := range sample {
		object, _ := parseObject(line)
		for name := range object {
			seen[name] = true
		}
	}
	present := slices.Sorted(maps.Keys(seen))
	known := hasIn(present)
	return bindRoles(given, func(name string) (string, bool) {
		if slices.Contains(slices.Collect(maps.Values(given)), name) {
			return name, true
		}
		return known(name)
	}, present)
}
