package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// textFormat is a message in protobuf's text format on one line, always the same for the same message, which Go's own
// printer does not promise.
func textFormat(m proto.Message) string { return strings.Join(textFields(m.ProtoReflect()), " ") }

func textFields(m protoreflect.Message) []string {
	var out []string
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !m.Has(field) {
			continue
		}
		if !field.IsList() {
			out = append(out, textField(field, m.Get(field)))
			continue
		}
		for k := range m.Get(field).List().Len() {
			out = append(out, textField(field, m.Get(field).List().Get(k)))
		}
	}
	return out
}

func textField(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	name := string(field.Name())
	switch field.Kind() {
	case protoreflect.MessageKind:
		inner := textFields(value.Message())
		if len(inner) == 0 {
			return name + " {}"
		}
		return name + " { " + strings.Join(inner, " ") + " }"
	case protoreflect.BytesKind:
		return name + ": " + quoted(value.Bytes())
	case protoreflect.StringKind:
		return name + ": " + quoted([]byte(value.String()))
	case protoreflect.EnumKind:
		if known := field.Enum().Values().ByNumber(value.Enum()); known != nil {
			return name + ": " + string(known.Name())
		}
		return fmt.Sprintf("%s: %d", name, value.Enum())
	}
	return fmt.Sprintf("%s: %v", name, value.Interface())
}

func quoted(data []byte) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, b := range data {
		switch {
		case b == '"' || b == '\\':
			out.WriteByte('\\')
			out.WriteByte(b)
		case b < 0x20 || b > 0x7e:
			fmt.Fprintf(&out, "\\%03o", b)
		default:
			out.WriteByte(b)
		}
	}
	out.WriteByte('"')
	return out.String()
}
