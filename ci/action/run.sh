#!/usr/bin/env bash
# For action.yml: runs $SCENARIOS on $ON with $ARGS, and leaves what came of it in the step's outputs. It
# does not fail itself, so that the evidence is kept first.
set -euo pipefail
read -r -a scenarios <<<"$SCENARIOS"
# The quotes of a shell, and nothing else of one: no variable and no command is put in.
words="$(xargs --no-run-if-empty printf '%s\n' <<<"$ARGS")"
args=()
[[ -z "$words" ]] || mapfile -t args <<<"$words"
code=0
harness run "${scenarios[@]}" ${ON:+--on "$ON"} --report-json report/report.json \
  --report-junit report/junit.xml --report-html report/report.html "${args[@]}" || code=$?
case "$code" in
  0) result="passed" ;;
  1) result="failed" ;;
  2) result="invalid" ;;
  3) result="no verdict" ;;
  4) result="nothing selected" ;;
  *) result="interrupted" ;;
esac
cat >>"$GITHUB_OUTPUT" <<OUTPUTS
result=$result
exit-code=$code
report=$PWD/report/report.json
OUTPUTS
