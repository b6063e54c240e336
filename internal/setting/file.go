package setting

import (
	"fmt"
	"strconv"
)

// Plain is a value of a file in the notation of the command line. It fails for a type that the setting cannot have; want is what it
// can have. A number for a setting that accepts any text has to be quoted, because its notation is lost: a password 0123 would
// become 83.
func Plain(v any, want string, anyText bool) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, int, int64, uint64, float64:
		if anyText {
			return "", fmt.Errorf("want %s, in quotes", want)
		}
		if number, ok := v.(float64); ok { // every JSON number is one; by default 1000000 would print as 1e+06
			return strconv.FormatFloat(number, 'f', -1, 64), nil
		}
		return fmt.Sprint(v), nil
	case nil:
		return "", fmt.Errorf("want %s", want)
	}
	return "", fmt.Errorf("want %s, or a list of such", want)
}

// KindOf describes the type of a value of a file, with the value where that is short.
func KindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "empty"
	case string:
		return fmt.Sprintf("the text %q", v)
	case bool:
		return fmt.Sprint(v)
	case int, int64, uint64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	case map[string]any, map[any]any:
		return "a mapping"
	}
	return "a date or a time"
}
