package sqldb

import (
	"context"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

func readMaps(ctx context.Context, db sqlx.QueryerContext, limit int, query string, args []any) ([]map[string]any, error) {
	rows, err := db.QueryxContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var read []map[string]any
	for len(read) < limit && rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return nil, err
		}
		for name, value := range row {
			row[name] = plain(value)
		}
		read = append(read, row)
	}
	return read, rows.Err()
}

// plain evens out what drivers return for the same column: text, as which PostgreSQL
// also sends uuid and numeric, comes as bytes from some.
func plain(value any) any {
	switch v := value.(type) {
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
	case float32:
		return float64(v)
	case int32:
		return int64(v)
	}
	return value
}
