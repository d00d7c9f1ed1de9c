// Command vaktreffen runs the meetings that municipalities hold together: a GraphQL API, the pages behind the links of mails,
// and the worker that sends them. README.md tells how to start; vaktreffen --help lists the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are what the program can do. Every flag can be set in the environment as well.
type commands struct {
	Config

	Demo    demoCommand    `cmd:"" help:"Show everything on this machine: example programmes, API, worker, and a mailbox that catches every mail."`
	Serve   serveCommand   `cmd:"" help:"Run API and worker in one process."`
	API     apiCommand     `cmd:"" name:"api" help:"Run the API alone."`
	Worker  workerCommand  `cmd:"" help:"Run the worker alone."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to the newest schema."`
	Import  importCommand  `cmd:"" help:"Read programme files into the database."`
	Token   tokenCommand   `cmd:"" help:"Print a bearer token for a person."`

	Administrator administratorCommand `cmd:"" help:"Let a person do everything on this installation, or take that back."`

	DocumentsOf documentsCommand `cmd:"" name:"documents" help:"Print the manifest of trusted documents for a folder of .graphql files."`
}

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // the live heap is small: fewer collections cost little memory and save time
	}
	// The first signal asks for an orderly end, the second one ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and returns the exit code: 0 done, 1 failed, 2 wrongly called or configured.
func run(ctx context.Context, args []string) int {
	var cli commands
	parser, err := kong.New(&cli, kong.Name("vaktreffen"), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("Meetings that municipalities hold together: agendas, invitations, answers."))
	if err != nil {
		fmt.Fprintln(os.Stderr, "vaktreffen:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vaktreffen:", err)
		return 2
	}
	if err := command.Run(&cli.Config); err != nil {
		fmt.Fprintln(os.Stderr, "vaktreffen:", err)
		if _, ok := errors.AsType[badConfig](err); ok {
			return 2
		}
		return 1
	}
	return 0
}
