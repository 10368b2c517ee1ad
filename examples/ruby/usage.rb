# frozen_string_literal: true

# A program for the official gem, after changing the require, and a command whose output is shown while it runs.

require 'libdaytona'

daytona = Daytona::Daytona.new
sandbox = daytona.create
puts sandbox.process.exec(command: 'echo hello').result
sandbox.process.run('echo tested; echo careful >&2') { |chunk| (chunk.stderr? ? $stderr : $stdout).write(chunk.data) }
sandbox.fs.upload_file('content', '/tmp/a.txt')
daytona.delete(sandbox)
