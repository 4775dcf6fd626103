"""Adam in one operation for each variable, as TensorFlow has it, in place of Keras' sixteen.

Keras writes Adam's formula out, which costs a tenth of a training step of lesson 3.1: each of its
small operations goes over all 235,200 weights of the largest layer once more. TensorFlow has the
whole formula as one kernel, which Keras 3 does not call. Nothing else changes; results agree up to
rounding. `python -m benchmarks.kernels` compares.
"""

import tensorflow as tf

keras_update_step = tf.keras.optimizers.Adam.update_step


def speed_up_adam():
    """From now on, `tf.keras.optimizers.Adam`, and AdamW, go this way where they can."""
    tf.keras.optimizers.Adam.update_step = _update_step


def _update_step(optimizer, gradient, variable, learning_rate):
    way = _apply if _handled(optimizer, gradient, variable) else keras_update_step
    way(optimizer, gradient, variable, learning_rate)


def _handled(optimizer, gradient, variable):
    return (
        isinstance(variable, tf.Variable)
        and not isinstance(variable, tf.distribute.DistributedValues)
        and isinstance(gradient, tf.Tensor)  # some are a few slices of it
        and variable.dtype == gradient.dtype == tf.float32
        and not optimizer.amsgrad
    )


def _apply(optimizer, gradient, variable, learning_rate):
    """Kingma and Ba 2015, "Adam: a method for stochastic optimization", arXiv:1412.6980, the
    formulation with "epsilon hat" at the end of its section 2, as in Keras.
    """
    step = tf.cast(optimizer.iterations.value + 1, tf.float32)
    place = optimizer._get_variable_index(variable)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[place].value.handle,
        v=optimizer._velocities[place].value.handle,
        beta1_power=optimizer.beta_1**step,
        beta2_power=optimizer.beta_2**step,
        lr=tf.cast(learning_rate, tf.float32),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=gradient,
    )
