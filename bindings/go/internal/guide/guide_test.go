// Package guide compiles and runs every Go snippet of the guide against a server, the import path alone changed.
package guide

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The guide's pseudo-Go in its obvious correct form: & before a literal is a pointer to it.
var pseudo = regexp.MustCompile(`&("[^"]*"|true|false)`)

// What the snippets take from their surroundings: declared where a snippet uses it and does not declare it.
var surroundings = map[string]string{
	"client": "w.client", "sandbox": "w.sandbox()", "cu": "w.desktop()", "name": `"sandbox-id-or-name"`, "page": "1", "limit": "10",
	"interval": "30", "localPath": `w.local("downloaded.txt")`, "showCursor": "true", "delay": "1", "recordingID": `""`,
}

// Where a snippet needs something of the world it runs in: before the statement that begins with the text.
type need struct{ before, code string }

var needs = map[int][]need{
	3: {{"sandbox, err := client.Create(ctx, types.SnapshotParams", `w.snapshot("my-snapshot")`}},
	4: {
		{"sandbox.Start(ctx)", `w.stop(sandbox)`},
		{"sandbox.Archive(", `w.stopped(sandbox)`},
		{"sandbox.StartWithTimeout", `sandbox = w.sandbox(); w.stop(sandbox)`},
		{"sandbox.WaitForStart", `sandbox = w.sandbox()`},
		{"sandbox.WaitForStop", `w.stop(sandbox)`},
	},
	5: {{"", `w.named("sandbox-id-or-name", map[string]string{"env": "dev"})`}},
	6: {{"sandbox.Resize", `w.stop(sandbox)`}},
	8: {{"", `w.run(sandbox, "mkdir -p /home/user/project")`}},
	9: {{"", `w.run(sandbox, "mkdir -p /app")`}},
	10: {
		{"for data", `handle.SendInput([]byte("exit\n"))`},
		{"io.Copy", `handle = w.terminal(sandbox, "copied", "exit\n")`},
		{"handle.Write", `handle = w.terminal(sandbox, "written", "")`},
		{"result, err := handle.Wait", `handle.Write([]byte("exit\n"))`},
		{"handle.Kill", `handle = w.terminal(sandbox, "killed", "")`},
		{"handle, err := sandbox.Process.ConnectPty", `must(sandbox.Process.CreatePtySession(ctx, "connected"))`},
	},
	11: {{"", `w.run(sandbox, "mkdir -p /home/user/dir; echo TODO: old > /home/user/old.txt; cp /home/user/old.txt file1.txt; cp file1.txt file2.txt; id user || useradd user")`},
		{"sandbox.FileSystem.CreateFolder", ``},
		{"info, err", `w.run(sandbox, "cp /home/user/old.txt /home/user/file.txt")`}},
	12: {
		{"", `w.remote(sandbox)`},
		{"sandbox.Git.DeleteBranch", `must(sandbox.Git.CreateBranch(ctx, "/home/user/repo", "old-branch")); must(sandbox.Git.Checkout(ctx, "/home/user/repo", "develop"))`},
		{"sandbox.Git.Add", `w.run(sandbox, "echo new > /home/user/repo/new")`},
	},
	18: {{"recording, err := cu.Recording().Get", `recordingID = recording.GetId()`}},
	20: {{"", `w.run(sandbox, "mkdir -p /home/user/project; printf 'class MyClass:\n    pass\n\n\n\n\n\n\n\n\nMyClass().x\n' > /home/user/project/main.py")`}},
}

// What is replaced in the snippets, and why.
var replaced = map[string]string{
	// There is no such file, and not everybody may make one there.
	`"/local/file.txt"`: `w.local("file.txt")`,
	// A repository of the sandbox itself.
	`"https://github.com/user/repo.git"`: `"file:///srv/remote.git"`,
	// What a build would load from the network for minutes; the same builders stand unchanged in the section on images.
	"    AptGet([]string{\"git\", \"curl\"}).\n    PipInstall([]string{\"numpy\", \"pandas\"}).\n": "    Run(\"true\").\n",
	// The terminal of that name has ended by then.
	`ConnectPty(ctx, "my-terminal")`: `ConnectPty(ctx, "connected")`,
}

func TestEverySnippetCompilesAndRuns(t *testing.T) {
	if os.Getenv("DAYTONA_API_URL") == "" {
		t.Skip("no server: run it as `daytona-dev run -- go test ./internal/guide`")
	}
	text, err := os.ReadFile("testdata/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 24 {
		t.Fatalf("%d snippets", len(blocks))
	}
	directory := t.TempDir()
	var functions, calls strings.Builder
	for i, block := range blocks {
		functions.WriteString(function(t, i+1, block[1]))
		fmt.Fprintf(&calls, "\tw.snippet(%d, snippet%d)\n", i+1, i+1)
	}
	world, err := os.ReadFile("testdata/world.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	program := strings.NewReplacer("// FUNCTIONS", functions.String(), "// CALLS", calls.String(),
		"github.com/daytona/clients/sdk-go/pkg/", "github.com/libdaytona/libdaytona/bindings/go/").Replace(string(world))
	write(t, directory, "main.go", program)
	module, _ := filepath.Abs("../..")
	write(t, directory, "go.mod", "module guide\n\ngo 1.25.0\n\nrequire github.com/libdaytona/libdaytona/bindings/go v0.0.0\n\n"+
		"require github.com/ebitengine/purego v0.11.3 // indirect\n\nreplace github.com/libdaytona/libdaytona/bindings/go => "+module+"\n")
	sums, _ := os.ReadFile("../../go.sum")
	write(t, directory, "go.sum", string(sums))
	build := exec.Command("go", "build", "-mod=mod", "-o", "program", ".")
	build.Dir = directory
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s", output, numbered(program))
	}
	run := exec.Command(filepath.Join(directory, "program"))
	run.Dir = directory
	output, err := run.CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte("24 snippets ran")) {
		t.Fatalf("%v\n%s", err, output)
	}
}

// function makes a function of a snippet: what it uses is declared, what it declares twice is assigned, every error is
// looked at, and every variable is used.
func function(t *testing.T, number int, source string) string {
	for from, to := range replaced {
		source = strings.ReplaceAll(source, from, to)
	}
	source = pseudo.ReplaceAllString(source, "ptr($1)")
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, "", "package p\nfunc f() {\n"+source+"\n}", 0)
	if err != nil {
		t.Fatalf("snippet %d: %v\n%s", number, err, source)
	}
	body := parsed.Decls[0].(*ast.FuncDecl).Body
	declared := map[string]bool{"w": true, "ctx": true}
	var declares []string
	for _, statement := range body.List {
		if assign, ok := statement.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE {
			for _, left := range assign.Lhs {
				declares = append(declares, left.(*ast.Ident).Name)
			}
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "func snippet%d(ctx context.Context, w *world) {\n", number)
	ast.Inspect(body, func(node ast.Node) bool {
		name, ok := node.(*ast.Ident)
		if !ok || declared[name.Name] || surroundings[name.Name] == "" || (slices.Contains(declares, name.Name) && first(body, name.Name)) {
			return true
		}
		declared[name.Name] = true
		fmt.Fprintf(&out, "\t%s := %s\n\t_ = %s\n", name.Name, surroundings[name.Name], name.Name)
		return true
	})
	used := map[string]bool{}
	for i, statement := range body.List {
		text := printed(t, files, statement)
		for _, need := range needs[number] {
			key := fmt.Sprint(number, need.before)
			if !used[key] && (need.before == "" && i == 0 || need.before != "" && strings.HasPrefix(text, need.before)) {
				used[key] = true
				fmt.Fprintf(&out, "\t%s\n", need.code)
			}
		}
		switch it := statement.(type) {
		case *ast.AssignStmt:
			fresh := false
			for _, left := range it.Lhs {
				fresh = fresh || !declared[left.(*ast.Ident).Name]
			}
			if it.Tok == token.DEFINE && !fresh {
				text = strings.Replace(text, ":=", "=", 1)
			}
			out.WriteString("\t" + text + "\n")
			for _, left := range it.Lhs {
				name := left.(*ast.Ident).Name
				declared[name] = true
				fmt.Fprintf(&out, "\t_ = %s\n", name)
				if name == "err" {
					out.WriteString("\tcheck(err)\n")
				}
			}
		case *ast.ExprStmt:
			if root(it.X) == "fmt" || root(it.X) == "log" {
				out.WriteString("\t" + text + "\n")
			} else {
				fmt.Fprintf(&out, "\tmust(%s)\n", text)
			}
		default:
			out.WriteString("\t" + text + "\n")
		}
	}
	for _, need := range needs[number] {
		if !used[fmt.Sprint(number, need.before)] {
			t.Errorf("snippet %d has no statement %q", number, need.before)
		}
	}
	out.WriteString("}\n\n")
	return out.String()
}

// first tells whether a name's first appearance in a snippet declares it.
func first(body *ast.BlockStmt, name string) bool {
	for _, statement := range body.List {
		assign, ok := statement.(*ast.AssignStmt)
		uses := false
		ast.Inspect(statement, func(node ast.Node) bool {
			identifier, is := node.(*ast.Ident)
			if is && identifier.Name == name && (!ok || !slices.ContainsFunc(assign.Lhs, func(left ast.Expr) bool { return left == node })) {
				uses = true
			}
			return true
		})
		if uses {
			return false
		}
		if ok && slices.ContainsFunc(assign.Lhs, func(left ast.Expr) bool { return left.(*ast.Ident).Name == name }) {
			return true
		}
	}
	return false
}

func root(expression ast.Expr) string {
	for {
		switch it := expression.(type) {
		case *ast.CallExpr:
			expression = it.Fun
		case *ast.SelectorExpr:
			expression = it.X
		case *ast.Ident:
			return it.Name
		default:
			return ""
		}
	}
}

func printed(t *testing.T, files *token.FileSet, node ast.Node) string {
	var text bytes.Buffer
	if err := printer.Fprint(&text, files, node); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func write(t *testing.T, directory, name, text string) {
	if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func numbered(text string) string {
	var out strings.Builder
	for i, line := range strings.Split(text, "\n") {
		fmt.Fprintf(&out, "%4d %s\n", i+1, line)
	}
	return out.String()
}
