--- `:Homespun models` and its words: which bases there are, and how one comes here and is chosen. What there is, and
--- what is recommended, the `homespun` command says.

local fetch = require('homespun.fetch')
local server = require('homespun.server')

local M = {}

---@param text string
---@param level integer?
local function say(text, level)
  vim.notify('homespun: ' .. text, level or vim.log.levels.INFO)
end

---@param text string
local function fail(text)
  say(text:gsub('^homespun: ', ''), vim.log.levels.ERROR)
end

--- Runs `homespun models …`; what it says goes to `heard`, what is wrong to the user.
---@param path string
---@param words string[]
---@param heard fun(output: string)
local function run(path, words, heard)
  local command = vim.list_extend({ path, 'models' }, words)
  vim.system(command, { text = true }, vim.schedule_wrap(function(done)
    if done.code == 0 then
      heard(vim.trim(done.stdout))
    else
      fail(vim.trim(done.stderr))
    end
  end))
end

--- A setting goes before anything that is chosen.
---@param name string
---@param config homespun.Config
---@param chosen string?
---@return string
local function how_it_stands(name, config, chosen)
  if config.base then
    return ('%s is here; the option "base" names another: %s'):format(name, config.base)
  elseif chosen == name then
    return name .. ' is here, and answers in a moment'
  end
  return ('%s is here, not used yet: :Homespun models use %s'):format(name, name)
end

---@param path string
---@param name string
---@param config homespun.Config
local function get(path, name, config)
  say(('getting %s; :Homespun models cancel stops it'):format(name))
  fetch.start(path, name, function(outcome, why)
    if outcome == 'failed' then
      fail(why or '')
    elseif outcome == 'stopped' then
      say(('%s is not here yet; :Homespun models get %s goes on from what has come'):format(name, name))
    else
      run(path, { 'list', '--json' }, function(output)
        say(how_it_stands(name, config, vim.json.decode(output).chosen))
      end)
    end
  end)
end

---@param output string of `homespun models list --json`
---@return string? name recommended, and not here
local function recommended(output)
  for _, row in ipairs(vim.json.decode(output).models) do
    if row.recommended == true and not row.here then
      return row.name
    end
  end
end

local actions = {}

---@param path string
---@param show fun(lines: string[], name: string)
function actions.list(path, _, _, show)
  run(path, { 'list' }, function(output)
    show(vim.split(output, '\n', { plain = true }), 'homespun://models')
  end)
end

function actions.get(path, config, name)
  if fetch.is_running() then
    say('a base is coming already; :Homespun models cancel stops it')
  elseif name then
    get(path, name, config)
  else
    run(path, { 'list', '--json' }, function(output)
      local best = recommended(output)
      if best then
        get(path, best, config)
      else
        say('what is recommended for this machine is here: see :Homespun models')
      end
    end)
  end
end

function actions.use(path, config, name)
  if not name then
    fail('use which? See :Homespun models')
    return
  end
  run(path, { 'use', name }, function(output)
    say(config.base and ('the option "base" names another: ' .. config.base) or output)
  end)
end

function actions.cancel()
  if not fetch.stop() then
    say('no base is coming')
  end
end

---@return string[]
function M.words()
  local words = vim.tbl_keys(actions)
  table.sort(words)
  return words
end

---@param config homespun.Config
---@param words string[] after `:Homespun models`
---@param show fun(lines: string[], name: string) a window with text
function M.run(config, words, show)
  local action = actions[words[1] or 'list']
  local path, why = server.find(config)
  if not action then
    fail(('no "models %s" here; use one of %s'):format(words[1], table.concat(M.words(), ', ')))
  elseif not path then
    fail(why)
  else
    action(path, config, words[2], show)
  end
end

return M
