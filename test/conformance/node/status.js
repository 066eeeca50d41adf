const fs = require('fs')
const same = /^(Name|Umask|Uid|Gid|Groups|Threads|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|Cap|NoNewPrivs|Seccomp:|TracerPid)/
console.log(fs.readFileSync('/proc/self/status', 'utf8').split('\n').filter((line) => same.test(line)))
console.log(fs.readFileSync('/proc/self/oom_score_adj', 'utf8'), fs.readFileSync('/proc/self/limits', 'utf8'))
// Their names are given by themselves, sooner or later.
console.log(fs.readdirSync('/proc/self/task').length)
