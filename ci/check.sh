#!/bin/sh
# Checks a project with protos in CI: the style of the protos, their compatibility with existing callers,
# that the generated code is committed, and that the services implement every RPC.
#
#	ci/check.sh [BASE]
#
# BASE is the version that callers use: a commit, a tag or a branch; the default is origin/main. Run the
# script in the directory of buf.yaml, in a tree without changes, with buf on PATH. The plugins are
# those of go.mod, or on PATH too, as buf.gen.yaml says.
set -eu

base=${1:-origin/main}

step() {
	echo
	echo "== $*"
}

# differs reports whether the tree differs from the commit, and prints the differences.
differs() {
	[ -n "$(git status --porcelain .)" ] || return 1
	git status --short .
	git --no-pager diff --stat .
}

if differs; then
	echo "commit or stash these changes first: the script compares generated code with the commit"
	exit 2
fi
case $base in
*[!0]*)
	commit=$(git rev-parse --verify --quiet "$base^{commit}") || {
		echo "no commit $base; fetch it (on GitHub: fetch-depth: 0), or name another: $0 BASE"
		exit 2
	}
	;;
*) commit= ;; # zeros: the first push of a branch, with nothing before it
esac

step "Style of the protos"
buf lint
buf format --diff --exit-code

step "Compatibility with callers of $base"
if [ -n "$commit" ] && git cat-file -e "$commit:./buf.yaml" 2>/dev/null; then
	here=$(git rev-parse --show-prefix) # empty at the top
	repository=$(cd "$(git rev-parse --git-common-dir)" && pwd) # also in a worktree or a submodule
	buf breaking --against "$repository#format=git,ref=$commit${here:+,subdir=$here}"
else
	echo "$base has no buf.yaml here, so there are no callers"
fi

step "The generated code is committed"
buf generate
if differs; then
	echo "run buf generate and commit the result"
	exit 1
fi

step "The services implement every RPC"
if [ -e buf.gen.strict.yaml ]; then
	buf generate --template buf.gen.strict.yaml
	if differs; then
		echo "run buf generate and commit the result"
		exit 1
	fi
fi
go vet ./...
