--- `:Homespun` and its words.

local client = require('homespun.client')
local models = require('homespun.models')
local server = require('homespun.server')
local state = require('homespun.state')

local M = {}

---@param lines string[]
---@param name string
local function show(lines, name)
  vim.cmd('botright new')
  local buf = vim.api.nvim_get_current_buf()
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  pcall(vim.api.nvim_buf_set_name, buf, name)
  vim.bo[buf].modifiable = false
end

---@return string file, integer line, integer column 1-based, of the cursor
local function place()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local before = vim.api.nvim_get_current_line():sub(1, col)
  return vim.api.nvim_buf_get_name(0), row, vim.str_utfindex(before) + 1
end

local actions = {}

function actions.toggle()
  state.enable(not state.enabled())
  client.switch(state.enabled())
  vim.notify(state.enabled() and 'homespun: on' or 'homespun: off')
end

--- One line: with more, Neovim would wait for a key.
function actions.status()
  local now = state.get()
  local parts = { state.line() }
  for _, part in ipairs({ 'base', 'revision', 'remote' }) do
    if now[part] then
      table.insert(parts, part .. ' ' .. now[part])
    end
  end
  table.insert(parts, now.message)
  vim.notify(table.concat(parts, ' · '))
end

function actions.log()
  vim.cmd.split(vim.fn.fnameescape(server.log()))
  vim.bo.autoread = true
end

function actions.restart()
  client.restart()
end

---@param config homespun.Config
function actions.doctor(config)
  local path, why = server.find(config)
  if not path then
    vim.notify('homespun: ' .. why, vim.log.levels.ERROR)
    return
  end
  local file, line, column = place()
  local command = vim.list_extend({ path, 'doctor' }, server.flags(config))
  if file ~= '' then
    table.insert(command, ('%s:%d:%d'):format(file, line, column))
  end
  vim.system(command, { text = true }, vim.schedule_wrap(function(done)
    local text = vim.trim((done.stdout or '') .. '\n' .. (done.stderr or ''))
    show(vim.split(text, '\n', { plain = true }), 'homespun://doctor')
  end))
end

---@param config homespun.Config
---@param rest string[]
function actions.models(config, rest)
  models.run(config, rest, show)
end

---@return string[]
local function known()
  local found = vim.tbl_keys(actions)
  table.sort(found)
  return found
end

---@param beginning string of the word at the cursor
---@param line string
---@return string[]
local function complete(beginning, line)
  local before = vim.split(vim.trim(line:sub(1, #line - #beginning)), '%s+')
  local words = {}
  if before[#before] == 'models' then
    words = models.words()
  elseif not vim.tbl_contains(before, 'models') then
    words = known()
  end
  return vim.tbl_filter(function(word)
    return vim.startswith(word, beginning)
  end, words)
end

---@param config homespun.Config
function M.create(config)
  vim.api.nvim_create_user_command('Homespun', function(call)
    local action = actions[call.fargs[1] or 'status']
    if not action then
      local text = ('homespun: no "%s" here; use one of %s'):format(call.args, table.concat(known(), ', '))
      vim.notify(text, vim.log.levels.ERROR)
      return
    end
    action(config, vim.list_slice(call.fargs, 2))
  end, { nargs = '*', complete = complete, desc = 'Homespun: ' .. table.concat(known(), ', ') })
end

return M
