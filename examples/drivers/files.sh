#!/usr/bin/env bash
# A broker that is a file for each topic, with a message a line. Each actor has a process of its own;
# they share the folder that the harness made for the run ($HARNESS_FOLDER) and a lock for each file.
#
# A request is a line of JSON without blanks, and a quote within a text is escaped: so "key": is
# always a key, and a payload can be cut out, kept and handed back as it stands.
#
# Try it:  harness driver-check -- bash examples/drivers/files.sh
set -u
cd "$HARNESS_FOLDER" || exit 1
can='"offsets":"both","contiguous":true,"resumes":true,"order":"per-topic","delivery":"exactly-once"'
declare -A delivered # by subscription; what is acknowledged is in a file

text() { # the text of this key, which has no quotes in it
  local rest=${line#*"\"$1\":\""}
  printf -v "$1" %s "${rest%%\"*}"
}
number() {
  local rest=${line#*"\"$1\":"}
  printf -v "$1" %s "${rest%%[,\}]*}"
}
count() { # how many messages the topic has
  end=$(wc -l <"$topic")
}
keep() { # the acknowledged position; a process may be killed at any time, and renaming is all or nothing
  echo "$2" >"$1.new" && mv "$1.new" "$1.position"
}
reply() { printf '{"id":%s%s}\n' "$id" "${1:+,$1}"; }

while IFS= read -r line; do
  number id
  text do
  text topic
  text subscription
  case $do in
    hello) reply "\"name\":\"files in bash\",\"capabilities\":{$can}" ;;
    create_topic) : >>"$topic" && reply '' ;;
    register | bye) reply '' ;;
    send)
      text session
      number sequence
      payload=${line#*'"payloads":['}
      payload=${payload%'],"retry":'*}
      message="{\"payload\":$payload,\"producer\":\"$session\",\"sequence\":$sequence"
      exec 9>>"$topic.lock" && flock 9
      count
      printf '%s\n' "$message,\"offset\":$end}" >>"$topic"
      exec 9>&-
      reply "\"outcome\":\"acked\",\"offsets\":[$end]"
      ;;
    subscribe)
      text consumer
      count
      delivered[$consumer]=$end
      keep "$consumer" "$end"
      reply "\"start\":$end"
      ;;
    poll)
      number max
      exec 9>>"$topic.lock" && flock -s 9 # no half of a line that is being written
      messages=$(tail -n "+$((delivered[$subscription] + 1))" "$topic" | head -n "$max")
      exec 9>&-
      if [[ -n $messages ]]; then
        mapfile -t each <<<"$messages"
        delivered[$subscription]=$((delivered[$subscription] + ${#each[@]}))
        messages=$(IFS=, && echo "${each[*]}")
      fi
      reply "\"messages\":[$messages]"
      ;;
    ack)
      keep "$subscription" "${delivered[$subscription]}"
      reply ''
      ;;
    resume)
      if position=$(cat "$subscription.position"); then
        delivered[$subscription]=$position
        reply "\"start\":$position"
      else
        reply '"why":"there is no such subscription","session_over":true'
      fi
      ;;
    unsubscribe) rm -f "$subscription.position" && reply '' ;;
    remove) rm -f "$topic" "$topic.lock" && reply '' ;;
    *) reply "\"why\":\"this driver has no $do\",\"final\":true" ;;
  esac
done
