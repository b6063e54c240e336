module github.com/sessbench/sessbench/examples/track-record/beego

go 1.26.0

require github.com/astaxie/beego v1.9.2
