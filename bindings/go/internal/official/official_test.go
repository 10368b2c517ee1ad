// Package official compares what the module exports with the official SDK for Go, v0.205.1.
package official

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names.txt has the exported names of the official packages, a line each, as `go test` writes them with
// OFFICIAL=DIRECTORY of their sources.
const file = "names.txt"

func TestEveryOfficialNameIsThereOrHasItsReason(t *testing.T) {
	if official := os.Getenv("OFFICIAL"); official != "" {
		text := strings.Join(exported(t, official), "\n") + "\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := os.ReadFile("../../official.json")
	if err != nil {
		t.Fatal(err)
	}
	var reasons struct{ Absent map[string]string }
	if err := json.Unmarshal(mapping, &reasons); err != nil {
		t.Fatal(err)
	}
	ours := exported(t, "../..")
	wanted := strings.Fields(string(text))
	for _, name := range wanted {
		_, isThere := slices.BinarySearch(ours, name)
		if reason := reasons.Absent[name]; isThere == (reason != "") {
			t.Errorf("%s: there %v, absent because %q", name, isThere, reason)
		}
	}
	for name := range reasons.Absent {
		if !slices.Contains(wanted, name) {
			t.Errorf("%s is absent with a reason, and no official name", name)
		}
	}
	fmt.Printf("= %d official names, %d of them absent with a reason\n", len(wanted), len(reasons.Absent))
}

// exported gives the names of the packages in a directory, as daytona.Sandbox.Delete, sorted.
func exported(t *testing.T, directory string) []string {
	t.Helper()
	var names []string
	for _, name := range []string{"daytona", "types", "options", "errors"} {
		isSource := func(file fs.FileInfo) bool { return !strings.HasSuffix(file.Name(), "_test.go") }
		packages, err := parser.ParseDir(token.NewFileSet(), filepath.Join(directory, name), isSource, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range packages {
			for _, source := range one.Files {
				for _, declaration := range source.Decls {
					for _, one := range declared(declaration) {
						if isExported(one) {
							names = append(names, name+"."+one)
						}
					}
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func isExported(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if !ast.IsExported(part) {
			return false
		}
	}
	return true
}

func declared(declaration ast.Decl) (names []string) {
	switch it := declaration.(type) {
	case *ast.FuncDecl:
		if it.Recv == nil {
			return []string{it.Name.Name}
		}
		return []string{typeName(it.Recv.List[0].Type) + "." + it.Name.Name}
	case *ast.GenDecl:
		for _, spec := range it.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names = append(names, name.Name)
				}
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
				if of, ok := spec.Type.(*ast.StructType); ok {
					for _, field := range of.Fields.List {
						for _, name := range field.Names {
							names = append(names, spec.Name.Name+"."+name.Name)
						}
						if field.Names == nil {
							names = append(names, spec.Name.Name+"."+typeName(field.Type))
						}
					}
				}
			}
		}
	}
	return names
}

func typeName(of ast.Expr) string {
	switch it := of.(type) {
	case *ast.StarExpr:
		return typeName(it.X)
	case *ast.IndexExpr:
		return typeName(it.X)
	case *ast.IndexListExpr:
		return typeName(it.X)
	case *ast.SelectorExpr:
		return it.Sel.Name
	case *ast.Ident:
		return it.Name
	}
	return ""
}
