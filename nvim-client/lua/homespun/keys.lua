--- Insert-mode keys that do what they did before when there is no suggestion. Knows nothing about servers.

local M = {}

--- What the key was mapped to before, run by hand.
---@param before table what `maparg()` said, empty if the key was not mapped
---@param lhs string
---@return string keys to type
local function original(before, lhs)
  if before.callback and before.expr == 1 then
    return before.callback() or ''
  elseif before.callback then
    vim.schedule(before.callback)
    return ''
  elseif before.expr == 1 then
    return vim.api.nvim_eval(before.rhs)
  end
  return before.rhs or lhs
end

---@param lhs string
---@param before table
local function type_original(lhs, before)
  local keys = vim.api.nvim_replace_termcodes(original(before, lhs), true, true, true)
  vim.api.nvim_feedkeys(keys, 'ni', false)
end

---@param lhs string
---@param action fun(otherwise: fun()): boolean false to let the key do what it did before
---@param description string
local function map(lhs, action, description)
  local before = vim.fn.maparg(lhs, 'i', false, true)
  if before.desc == description then
    return -- a second setup(): the mapping is already ours
  end
  vim.keymap.set('i', lhs, function()
    local function otherwise()
      type_original(lhs, before)
    end
    if vim.fn.pumvisible() == 0 and action(otherwise) then
      return ''
    end
    return original(before, lhs)
  end, { expr = true, desc = description })
end

---@param keys homespun.Keys
---@param backend table homespun.builtin or homespun.ghost
function M.set(keys, backend)
  local actions = {
    accept = { 'all', 'Homespun: accept the suggestion' },
    accept_word = { 'word', 'Homespun: accept the next word' },
    accept_line = { 'line', 'Homespun: accept the next line' },
  }
  for name, action in pairs(actions) do
    if keys[name] then
      map(keys[name], function(otherwise)
        return backend.accept(action[1], otherwise)
      end, action[2])
    end
  end
  if keys.dismiss then
    map(keys.dismiss, backend.dismiss, 'Homespun: dismiss the suggestion')
  end
end

return M
