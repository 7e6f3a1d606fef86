#!/bin/sh
# What a CI job checks of a project that has protos: that they are well written, that callers survive what is new in them, that what
# is generated is what is committed, and that the services have every RPC as its proto says.
#
#	ci/check.sh [BASE]
#
# BASE is what callers have: a commit, a tag or a branch; without it, origin/main. Run it in the folder of buf.yaml, in a tree without
# changes, with buf, protoc-gen-go and protoc-gen-grpcservice on PATH.
set -eu

base=${1:-origin/main}

step() {
	echo
	echo "== $*"
}

# differs says whether the tree differs from the commit, and how.
differs() {
	[ -n "$(git status --porcelain .)" ] || return 1
	git status --short .
	git --no-pager diff --stat .
}

if differs; then
	echo "commit these first, or stash them: what is generated is compared with what is committed"
	exit 2
fi
case $base in
*[!0]*)
	commit=$(git rev-parse --verify --quiet "$base^{commit}") || {
		echo "there is no commit $base; fetch it (on GitHub: fetch-depth: 0), or name another: $0 BASE"
		exit 2
	}
	;;
*) commit= ;; # zeros are what was there before the first push of a branch: nothing
esac

step "The protos are well written"
buf lint
buf format --diff --exit-code

step "Callers survive what is new since $base"
if [ -n "$commit" ] && git cat-file -e "$commit:./buf.yaml" 2>/dev/null; then
	here=$(git rev-parse --show-prefix) # empty at the top
	repository=$(cd "$(git rev-parse --git-common-dir)" && pwd) # also of a worktree, or a submodule
	buf breaking --against "$repository#format=git,ref=$commit${here:+,subdir=$here}"
else
	echo "$base has no buf.yaml here, so there are no callers"
fi

step "What is generated is what is committed"
buf generate
if differs; then
	echo "run buf generate, and commit what it makes"
	exit 1
fi

step "The services have every RPC as its proto says"
if [ -e buf.gen.strict.yaml ]; then
	buf generate --template buf.gen.strict.yaml
	if differs; then
		echo "run buf generate, and commit what it makes"
		exit 1
	fi
fi
go vet ./...
