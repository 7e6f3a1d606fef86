package skeleton

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
)

// isLeftOut reports whether a build constraint excludes a file from every build, as that of the tag
// ignore does by convention.
func isLeftOut(src []byte) bool {
	head, err := parser.ParseFile(token.NewFileSet(), "", src, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return false
	}
	expr := constraintOf(head)
	return expr != nil && !canHold(expr, true)
}

// constraintOf returns the build constraint of a file, or nil. A line in the new syntax overrides
// lines in the old one.
func constraintOf(file *ast.File) (expr constraint.Expr) {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if comment.Pos() > file.Package {
				return expr
			}
			parsed, err := constraint.Parse(comment.Text)
			switch {
			case err != nil:
			case constraint.IsGoBuild(comment.Text):
				return parsed
			case expr == nil:
				expr = parsed
			default:
				expr = &constraint.AndExpr{X: expr, Y: parsed}
			}
		}
	}
	return expr
}

// canHold reports whether some choice of tags gives expr the wanted value. The tag ignore is never
// set.
func canHold(expr constraint.Expr, want bool) bool {
	switch expr := expr.(type) {
	case *constraint.TagExpr:
		return !want || expr.Tag != "ignore"
	case *constraint.NotExpr:
		return canHold(expr.X, !want)
	case *constraint.AndExpr:
		if want {
			return canHold(expr.X, true) && canHold(expr.Y, true)
		}
		return canHold(expr.X, false) || canHold(expr.Y, false)
	case *constraint.OrExpr:
		if want {
			return canHold(expr.X, true) || canHold(expr.Y, true)
		}
		return canHold(expr.X, false) && canHold(expr.Y, false)
	default:
		return true
	}
}
