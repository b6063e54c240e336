package printable

import "reflect"

// Fields makes every string that the pointer v leads to printable, as [Text] does: in structs, slices and maps, keys
// included. Unexported fields are left alone. v must not lead back to itself.
func Fields(v any) { fields(reflect.ValueOf(v).Elem()) }

func fields(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s := Text(v.String()); s != v.String() {
			v.SetString(s)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fields(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fields(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			fields(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			k, value := copied(key), copied(v.MapIndex(key))
			fields(k)
			fields(value)
			v.SetMapIndex(key, reflect.Value{})
			v.SetMapIndex(k, value)
		}
	}
}

// copied is a copy of v that can be changed.
func copied(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}
