package catalog

import (
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// raisers are the functions of the server and of its languages that report what a function of the database says, under any SQLSTATE it likes:
// of pl_exec.c, plpy_elog.c, plpy_plpymodule.c, plperl.c and pltcl.c.
var raisers = []string{
	"exec_stmt_raise", "exec_stmt_assert", "PLy_elog_impl", "PLy_output", "croak_cstr", "plperl_call_perl_func", "plperl_call_perl_trigger_func",
	"throw_tcl_error", "pltcl_elog",
}

// Raised tells whether a function of the database put an error's message together, so that any part of it may be a value of a row,
// whatever its SQLSTATE.
func Raised(e *pgconn.PgError) bool { return e.Code == "P0001" || slices.Contains(raisers, e.Routine) }
