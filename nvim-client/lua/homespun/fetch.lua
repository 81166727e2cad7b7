--- `homespun models get NAME --json`, followed to its end, one at a time. Knows nothing of bases.

local M = {}

---@type vim.SystemObj?
local running
local stopped = false

--- Calls `heard` with every whole line of a stream that comes in pieces.
---@param heard fun(line: string)
---@return fun(error: string?, data: string?)
local function by_line(heard)
  local rest = ''
  return function(_, data)
    local lines = vim.split(rest .. (data or '\n'), '\n', { plain = true })
    rest = table.remove(lines)
    vim.iter(lines):each(heard)
  end
end

--- In the message line, without a place in `:messages`, and not over a command that is being typed.
---@param text string
local function show(text)
  if vim.api.nvim_get_mode().mode ~= 'c' then
    vim.api.nvim_echo({ { text:sub(1, vim.v.echospace) } }, false, {})
  end
end

---@param name string
---@param told table
local function show_progress(name, told)
  local here = ('%.0f'):format(told.bytes / 1e6)
  local of = type(told.total) == 'number' and (' of %.0f'):format(told.total / 1e6) or ''
  show(('homespun: %s, %s%s MB; :Homespun models cancel stops it'):format(name, here, of))
end

---@param name string
---@param done vim.SystemCompleted
---@param last table?
---@return 'done'|'stopped'|'failed' outcome, string? why
local function outcome(name, done, last)
  if last and last.event == 'done' and done.code == 0 then
    return 'done'
  elseif stopped then
    return 'stopped'
  elseif last and last.event == 'error' then
    return 'failed', last.message
  end
  local said = vim.trim(done.stderr or ''):match('[^\n]*$')
  return 'failed', said ~= '' and said or ('%s was not got: exit code %d'):format(name, done.code)
end

---@return boolean
function M.is_running()
  return running ~= nil
end

---@param path string the homespun executable
---@param name string
---@param ended fun(outcome: 'done'|'stopped'|'failed', why: string?)
function M.start(path, name, ended)
  local last ---@type table?
  stopped = false
  local hear = by_line(function(line)
    local is_json, told = pcall(vim.json.decode, line)
    if not is_json or type(told) ~= 'table' then
      return
    end
    last = told
    if told.event == 'progress' then
      vim.schedule(function()
        show_progress(name, told)
      end)
    end
  end)
  local command = { path, 'models', 'get', name, '--json' }
  running = vim.system(command, { text = true, stdout = hear }, vim.schedule_wrap(function(done)
    running = nil
    ended(outcome(name, done, last))
  end))
end

--- As Ctrl-C would: what has come is kept.
---@return boolean was_running
function M.stop()
  if not running then
    return false
  end
  stopped = true
  running:kill('sigint')
  return true
end

vim.api.nvim_create_autocmd('VimLeavePre', {
  group = vim.api.nvim_create_augroup('homespun.fetch', { clear = true }),
  callback = M.stop,
})

return M
