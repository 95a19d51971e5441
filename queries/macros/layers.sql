-- Layers and groups of layers.

-- layer_groups(grain): every layer with the place by which it is counted: its own name, or that of its block.
--
-- The block of a layer is the part of its name before the first underscore: block3_conv2 is in block3, and fc1 is its
-- own block. In blocks, pooling layers are excluded: they repeat the filters of the convolution below them.
create macro layer_groups(grain) as table
select
    layer,
    position,
    case grain when 'block' then split_part(layer, '_', 1) else layer end as place
from layers
where grain <> 'block' or not is_pool;
